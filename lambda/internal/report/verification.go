package report

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/plan"
)

// Check is one thing that was looked at.
type Check struct {
	// ID such as ports.relay.6666 is the same in every report.
	ID string `json:"id"`
	// What is claimed, in one sentence.
	What string `json:"what"`
	// Object that it is about: an id, a host.
	Object string `json:"object"`
	// How it was looked at.
	How string `json:"how"`
	// Result is Passed, Failed or Noted.
	Result string `json:"result"`
	// Seen is what came back.
	Seen string `json:"seen,omitempty"`
	// Remedy says what to do about a check that failed, or what follows from one
	// that is noted.
	Remedy string    `json:"remedy,omitempty"`
	Time   time.Time `json:"time"`
}

// Section is what one step has checked.
type Section struct {
	Step   string  `json:"step"`
	Checks []Check `json:"checks"`
}

// Verification is the report of everything that was checked in one execution.
type Verification struct {
	APIVersion  string `json:"apiVersion"`
	Workspace   string `json:"workspace"`
	WorkspaceID string `json:"workspaceId,omitempty"`
	URL         string `json:"url,omitempty"`
	// Revision of the spec, where it is and who made it, and the digest of what it
	// means.
	Revision   string            `json:"revision"`
	Change     revision.Revision `json:"change"`
	SpecDigest string            `json:"specDigest,omitempty"`
	Execution  string            `json:"execution"`
	Time       time.Time         `json:"time"`
	// Verdict is Passed, or Failed with the cause.
	Verdict string `json:"verdict"`
	Cause   string `json:"cause,omitempty"`
	// Egress says what compute may reach by the spec, and what therefore does
	// not work.
	Egress   []string  `json:"egress"`
	Passed   int       `json:"passed"`
	Noted    int       `json:"noted"`
	Failed   int       `json:"failed"`
	Sections []Section `json:"sections"`
}

// VerificationVersion is the version of the report's form.
const VerificationVersion = "lakegate.dev/v1"

// Count fills in the sums and the verdict.
func (v *Verification) Count() {
	v.Passed, v.Noted, v.Failed = 0, 0, 0
	for _, s := range v.Sections {
		for _, c := range s.Checks {
			switch c.Result {
			case "Passed":
				v.Passed++
			case "Noted":
				v.Noted++
			default:
				v.Failed++
			}
		}
	}
}

// Markdown is the report for people.
func (v *Verification) Markdown() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Verification of workspace %s: %s\n\n", v.Workspace, v.Verdict)
	if v.Cause != "" {
		fmt.Fprintf(&out, "%s\n\n", cell(v.Cause))
	}
	fmt.Fprintf(&out, "| | |\n| --- | --- |\n")
	rows := [][2]string{
		{"workspace", strings.TrimSpace(v.URL + " " + v.WorkspaceID)},
		{"revision", v.Revision}, {"spec digest", v.SpecDigest}, {"execution", v.Execution},
		{"time", v.Time.UTC().Format(time.RFC3339)},
		{"checks", fmt.Sprintf("%d passed, %d noted, %d failed", v.Passed, v.Noted, v.Failed)},
	}
	if c := v.Change; c.Source == plan.CodeCommit {
		rows = slices.Insert(rows, 2, [2]string{"commit", fmt.Sprintf("%s by %s: %s", c.Version, c.Author, c.Message)})
	}
	for _, row := range rows {
		fmt.Fprintf(&out, "| %s | %s |\n", row[0], cell(row[1]))
	}
	fmt.Fprintf(&out, "\n## What compute may reach\n\n")
	for _, line := range v.Egress {
		fmt.Fprintf(&out, "- %s\n", cell(line))
	}
	for _, s := range v.Sections {
		fmt.Fprintf(&out, "\n## %s\n\n| result | what | of | how | seen | time |\n| --- | --- | --- | --- | --- | --- |\n", s.Step)
		for _, c := range s.Checks {
			seen := c.Seen
			if c.Remedy != "" {
				seen += " " + c.Remedy
			}
			fmt.Fprintf(&out, "| %s | %s | %s | %s | %s | %s |\n",
				c.Result, cell(c.What), cell(c.Object), cell(c.How), cell(strings.TrimSpace(seen)), c.Time.UTC().Format(time.TimeOnly))
		}
	}
	return out.Bytes()
}

// cell keeps text within one cell of a table, and what others have written, such as
// tags, from being more than text.
func cell(text string) string { return unmarked.Replace(text) }

var unmarked = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", `\<`, "[", `\[`, "`", "\\`", "\r", " ", "\n", " ")

// Ledger says where compute may have been started.
type Ledger struct {
	Account     string `json:"account"`
	URL         string `json:"url"`
	WorkspaceID string `json:"workspaceId"`
	// Execution that started it.
	Execution string `json:"execution"`
}

// Evidence keeps what was checked, the reports and the ledgers in the state
// bucket.
type Evidence struct {
	Objects func() awsapi.Objects
	Bucket  string
}

// Keep stores what a step has checked in an execution.
func (e *Evidence) Keep(ctx context.Context, workspace, execution, step string, checks []Check) error {
	_, err := e.put(ctx, checksKey(workspace, execution, step), Section{Step: step, Checks: checks})
	return err
}

// Kept returns what the steps of an execution have checked, in their order.
func (e *Evidence) Kept(ctx context.Context, workspace, execution string, steps []string) ([]Section, error) {
	var sections []Section
	for _, step := range steps {
		var s Section
		found, err := e.get(ctx, checksKey(workspace, execution, step), &s)
		if err != nil {
			return nil, err
		}
		if found {
			sections = append(sections, s)
		}
	}
	return sections, nil
}

// Write stores a report as JSON and as Markdown, and returns the key of the
// JSON and its SHA-256.
func (e *Evidence) Write(ctx context.Context, v *Verification) (key, digest string, err error) {
	v.APIVersion = VerificationVersion
	v.Count()
	folder := plan.ReportPrefix + v.Workspace + "/" + nameOf(v.Execution) + "/"
	if err := e.store(ctx, folder+"verification.md", v.Markdown()); err != nil {
		return "", "", err
	}
	key = folder + "verification.json"
	body, err := e.put(ctx, key, v)
	sum := sha256.Sum256(body)
	return key, hex.EncodeToString(sum[:]), err
}

// Open notes the workspace in which compute is about to be started.
func (e *Evidence) Open(ctx context.Context, workspace string, l Ledger) error {
	_, err := e.put(ctx, ledgerKey(workspace), l)
	return err
}

// Ledger returns where compute of a workspace may have been started, or nil.
func (e *Evidence) Ledger(ctx context.Context, workspace string) (*Ledger, error) {
	var l Ledger
	found, err := e.get(ctx, ledgerKey(workspace), &l)
	if err != nil || !found {
		return nil, err
	}
	return &l, nil
}

// Pool is what an instance pool of users kept ready before it was emptied.
type Pool struct {
	ID          string `json:"id"`
	MinIdle     int    `json:"minIdle"`
	IdleMinutes int    `json:"idleMinutes"`
}

// Empty notes the pools of a workspace that are about to be emptied, for whichever
// execution refills them; none if all have been.
func (e *Evidence) Empty(ctx context.Context, workspace string, pools []Pool) error {
	_, err := e.put(ctx, poolsKey(workspace), pools)
	return err
}

// Emptied returns the pools that were emptied and not refilled.
func (e *Evidence) Emptied(ctx context.Context, workspace string) ([]Pool, error) {
	var pools []Pool
	_, err := e.get(ctx, poolsKey(workspace), &pools)
	return pools, err
}

func poolsKey(workspace string) string { return plan.LedgerPrefix + workspace + "/pools.json" }

func checksKey(workspace, execution, step string) string {
	return plan.ReportPrefix + workspace + "/" + execution + "/checks/" + step + ".json"
}

func ledgerKey(workspace string) string { return plan.LedgerPrefix + workspace + ".json" }

// nameOf is the last part of an ARN.
func nameOf(arn string) string { return arn[strings.LastIndexAny(arn, ":/")+1:] }

func (e *Evidence) put(ctx context.Context, key string, v any) ([]byte, error) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", key, err)
	}
	return body, e.store(ctx, key, body)
}

func (e *Evidence) store(ctx context.Context, key string, body []byte) error {
	if _, err := e.Objects().PutObject(ctx, &s3.PutObjectInput{Bucket: &e.Bucket, Key: aws.String(key), Body: bytes.NewReader(body)}); err != nil {
		return fmt.Errorf("writing %s: %w", key, err)
	}
	return nil
}

func (e *Evidence) get(ctx context.Context, key string, into any) (bool, error) {
	out, err := e.Objects().GetObject(ctx, &s3.GetObjectInput{Bucket: &e.Bucket, Key: aws.String(key)})
	if err != nil {
		if failure.Code(err) == "NoSuchKey" {
			return false, nil
		}
		return false, fmt.Errorf("reading %s: %w", key, err)
	}
	defer func() { _ = out.Body.Close() }()
	if err := json.NewDecoder(out.Body).Decode(into); err != nil {
		return false, fmt.Errorf("decoding %s: %w", key, err)
	}
	return true, nil
}

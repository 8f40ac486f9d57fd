package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/databricks/databricks-sdk-go/apierr"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// retiring makes a step of what takes something down: it does nothing where the
// workspace stays.
func retiring(f func(context.Context, *Deps, *document.Document) (*document.Removal, error)) Func {
	return func(ctx context.Context, d *Deps, doc *document.Document) (result, error) {
		if !doc.Retirement.Delete {
			return &document.Removal{Outcome: skipped(doc.Retirement.Reason)}, nil
		}
		return f(ctx, d, doc)
	}
}

// awaiting is retiring for what takes time.
func awaiting(f func(context.Context, *Deps, *document.Document) (*document.RemovalWait, error)) Func {
	return func(ctx context.Context, d *Deps, doc *document.Document) (result, error) {
		if !doc.Retirement.Delete {
			return &document.RemovalWait{
				Removal: document.Removal{Outcome: skipped(doc.Retirement.Reason)}, Wait: d.wait(nil, true, pace{}),
			}, nil
		}
		return f(ctx, d, doc)
	}
}

// removal is what a step has taken down and what it has left.
func removal(removed []string, left []document.Left) *document.Removal {
	return &document.Removal{Outcome: removalOutcome(removed, left), Removed: removed, Kept: left}
}

func removalOutcome(removed []string, left []document.Left) document.Outcome {
	var why []string
	for _, l := range left {
		why = append(why, l.What+" stays: "+l.Why)
	}
	o := document.Outcome{Outcome: document.Absent, Reason: strings.Join(why, "; ")}
	switch {
	case len(removed) > 0:
		o.Outcome = document.Deleted
	case len(left) > 0:
		o.Outcome = document.Kept
	default:
		o.Reason = "nothing of it is there, or not any more"
	}
	return o
}

// removing makes the result of a loop: what this turn did is added to what the
// turns before it did.
func (d *Deps) removing(before *document.RemovalWait, ready bool, p pace, removed []string, left []document.Left, seen string) *document.RemovalWait {
	out := &document.RemovalWait{}
	var previous *document.Wait
	if before != nil {
		previous, out.Removed, out.Objects = &before.Wait, before.Removed, before.Objects
	}
	out.Wait = d.wait(previous, ready, p)
	out.Removed, out.Kept = append(out.Removed, removed...), left
	out.Outcome = outcomeOf(out.Wait, seen)
	if ready {
		out.Outcome = removalOutcome(out.Removed, left)
	}
	return out
}

// needed says whether something that stays refers to one of these ids, names or
// ARNs, and what it is.
func needed(doc *document.Document, ids ...string) (why string, yes bool) {
	for _, l := range doc.Kept() {
		for _, id := range ids {
			if id != "" && slices.Contains(l.Needs, id) {
				return l.What + " refers to it", true
			}
		}
	}
	return "", false
}

// ofSpecs collects what the specs that may have made something say of one thing.
func ofSpecs(doc *document.Document, values func(spec.Spec) []string) []string {
	var all []string
	for _, s := range doc.Specs() {
		for _, v := range values(s) {
			if v != "" && !slices.Contains(all, v) {
				all = append(all, v)
			}
		}
	}
	return all
}

// stillUsed gives the refusal to delete what something else uses a class: what
// used it may be about to go.
func stillUsed(what string, err error) error {
	if isUsed(err) {
		return failure.As(plan.NotReady,
			"Something else uses it: look for network interfaces, rules, associations or policies that name it, remove what is yours, then redrive the execution.",
			fmt.Errorf("deleting %s: %w", what, err))
	}
	return fmt.Errorf("deleting %s: %w", what, err)
}

// isUsed says whether a service refuses to delete what something else uses.
func isUsed(err error) bool {
	return slices.Contains([]string{"DependencyViolation", "DeleteConflict", "InvalidGroup.InUse", "HostedZoneNotEmpty"}, failure.Code(err))
}

// refused says whether Databricks refuses to delete something because it is
// used. The account API has no code of its own for that.
// https://github.com/databricks/databricks-sdk-go/issues/777
func refused(err error) (why string, yes bool) {
	api, ok := errors.AsType[*apierr.APIError](err)
	if !ok || api.StatusCode != http.StatusBadRequest || api.ErrorCode != "INVALID_STATE" {
		return "", false
	}
	return "Databricks says: " + failure.Scrub(api.Message), true
}

// withCode is an error that a reply has for one of several objects.
func withCode(code, message *string) error {
	return &smithy.GenericAPIError{Code: aws.ToString(code), Message: aws.ToString(message)}
}

// attempted reads the spec of an attempt.
func attempted(a *report.Attempt) (spec.Spec, error) {
	var s spec.Spec
	if err := json.Unmarshal(a.Spec, &s); err != nil {
		return s, fmt.Errorf("decoding spec of %s: %w", a.Revision, err)
	}
	return s, nil
}

package failure_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/readme"
	"lakegate/lambda/plan"
)

var update = flag.Bool("update", false, "write the generated parts of README.md")

// The README lists what can go wrong, as the code says it.
func TestREADMEIsDerived(t *testing.T) {
	t.Parallel()
	code, err := readme.ReadCode("../step", "../awsapi", "../databricksapi", "../document", "../lease", "../report", "../source", "../../plan", "../../../spec")
	if err != nil {
		t.Fatal(err)
	}
	failures, endings, checks := code.Failures(), code.Endings("endings"), code.Checks()
	if len(failures) < 50 || len(endings) < 10 || len(checks) < 30 {
		t.Fatalf("only %d failures, %d codes and %d checks were found", len(failures), len(endings), len(checks))
	}
	readme.Derive(t, "../../../README.md", map[string]string{
		"classes":         classes(),
		"troubleshooting": byClass(failures) + deadlines() + codesOfCompute(endings) + byStep(checks),
	}, *update)
}

func classes() string {
	var out strings.Builder
	out.WriteString("| class | who acts | what the state machine does | what to do, unless the message says more |\n| --- | --- | --- | --- |\n")
	for _, class := range plan.Classes() {
		fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", class, plan.Actor(class), plan.Treatment(class), failure.Remedy(class))
	}
	return out.String()
}

// byClass tells of each class what is said with a remedy of its own.
func byClass(failures []readme.Failure) string {
	var out strings.Builder
	for _, class := range plan.Classes() {
		var rows [][]string
		for _, f := range failures {
			// What checks have found is in a table of its own.
			if f.Class != class || strings.HasPrefix(f.Remedy, "‹") {
				continue
			}
			if f.Message == "‹what the service said›" {
				f.Message = stepOf(f.File) + ": " + f.Message
			}
			rows = append(rows, []string{f.Message, f.Remedy})
		}
		if len(rows) > 0 {
			out.WriteString(details(class+": messages that say more", []string{"message", "what to do"}, rows))
		}
	}
	return out.String()
}

// stepOf is the step of a file, or what else the file is called after.
func stepOf(file string) string {
	for _, s := range plan.Steps() {
		if isOf(file, s.Name) {
			return s.Name
		}
	}
	return strings.ReplaceAll(strings.TrimSuffix(file, ".go"), "_", " ")
}

func isOf(file, step string) bool {
	return strings.ReplaceAll(strings.TrimSuffix(file, ".go"), "_", "") == strings.ToLower(step)
}

func deadlines() string {
	var rows [][]string
	for _, s := range plan.Steps() {
		if s.Await != nil {
			rows = append(rows, []string{s.Name, s.Doc, strings.TrimSuffix(strings.TrimSuffix(s.Await.Within.String(), "0s"), "0m")})
		}
	}
	return details("TimedOut: how long steps wait", []string{"step", "what it does", "for at most"}, rows)
}

func codesOfCompute(endings []readme.Ending) string {
	var rows [][]string
	for _, e := range endings {
		rows = append(rows, []string{e.Code, e.Class, e.Remedy})
	}
	return details("A cluster that does not start: codes of Databricks, by how they begin", []string{"code", "class", "what to do"}, rows)
}

// byStep tells of each step that verifies what it checks.
func byStep(checks []readme.Check) string {
	var rows [][]string
	for _, s := range plan.Workspace().Steps() {
		name := s.Name
		for _, c := range checks {
			if !isOf(c.File, s.Name) {
				continue
			}
			what := c.What
			if c.Noted {
				what += " (noted, fails nothing)"
			}
			rows = append(rows, []string{name, what, c.Remedy})
			name = ""
		}
	}
	return details("VerificationFailed: checks, and what to do when one fails", []string{"step", "check", "what to do"}, rows)
}

// details is a table that is shown when it is asked for.
func details(summary string, header []string, rows [][]string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "<details>\n<summary>%s</summary>\n\n", summary)
	for _, row := range slices.Concat([][]string{header, slices.Repeat([]string{"---"}, len(header))}, rows) {
		out.WriteString("|")
		for _, cell := range row {
			cell = strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", ">", "&gt;", "*", "\\*", "›‹", "* *", "‹…›", "…", "‹", "*", "›", "*").Replace(cell)
			out.WriteString(" " + cell + " |")
		}
		out.WriteString("\n")
	}
	out.WriteString("\n</details>\n\n")
	return out.String()
}

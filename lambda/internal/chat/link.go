package chat

import (
	"net/url"
	"slices"
	"strings"

	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// consoles are the addresses of the console, by partition.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
var consoles = map[string]string{
	"aws":        "console.aws.amazon.com",
	"aws-cn":     "console.amazonaws.cn",
	"aws-us-gov": "console.amazonaws-us-gov.com",
}

// linksOf lead to the execution and to the commit. What comes from a spec is
// escaped, and what is no ARN gets no link.
func linksOf(about report.Metadata) []Link {
	parts := strings.SplitN(about.ExecutionARN, ":", 6)
	if len(parts) != 6 || parts[2] != "states" {
		return nil
	}
	host, region := consoles[parts[1]], parts[3]
	if host == "" || strings.ContainsFunc(region, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
		return nil
	}
	console := "https://" + region + "." + host
	in := "?region=" + region
	links := []Link{{"Execution", console + "/states/home" + in + "#/v2/executions/details/" + url.PathEscape(about.ExecutionARN)}}
	switch change := about.Change; change.Source {
	case plan.CodeCommit:
		links = append(links, Link{"Commit", console + "/codesuite/codecommit/repositories/" + url.PathEscape(change.Repository) +
			"/commit/" + url.PathEscape(change.Version) + in})
	case plan.S3:
		links = append(links, Link{"Spec", console + "/s3/object/" + url.PathEscape(change.Repository) + in +
			"&prefix=" + url.QueryEscape(change.Path) + "&versionId=" + url.QueryEscape(change.Version)})
	}
	// Products take addresses of some thousand characters; no real one is as long.
	return slices.DeleteFunc(links, func(l Link) bool { return len(l.URL) > maxURL })
}

const maxURL = 2000

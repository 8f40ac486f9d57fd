package failure

import (
	"regexp"
	"strings"
)

// scrubs remove from a message what is secret and what differs at every
// attempt, so that equal failures read equally.
var scrubs = []struct {
	pattern *regexp.Regexp
	with    string
}{
	// The AWS SDK puts these in front of every service error.
	{regexp.MustCompile(`https response error StatusCode: (\d+), (?:RequestID|HostID): [^,]*, (?:HostID: [^,]*, )?`), "HTTP $1, "},
	{regexp.MustCompile(`(?i)\b(?:aws )?request ?id:? ?[0-9a-f-]{8,}[,.]?`), ""},
	{regexp.MustCompile(`(https?://[^\s?"']+)\?[^\s"']*`), "$1"},
	{regexp.MustCompile(`(?i)\bBearer\s+[\w.~+/-]+=*`), "Bearer ***"},
	{regexp.MustCompile(`(?i)((?:client_secret|access_token|secret_access_key|password|x-amz-security-token)["']?\s*[:=]\s*["']?)[^\s"',&}]+`), "$1***"},
	{regexp.MustCompile(`\bdose[0-9a-f]{32}\b`), "***"},
	{regexp.MustCompile(`\beyJ[\w-]{10,}\.[\w-]+\.[\w-]*`), "***"},
	{regexp.MustCompile(`\b((?:AKIA|ASIA)[A-Z0-9]{16})\b`), "***"},
}

// maxMessage bounds a message; Step Functions keeps 32,768 characters of a
// cause and an event much less.
const maxMessage = 8 << 10

// Scrub removes request ids, query strings, tokens and secrets from a text.
func Scrub(text string) string {
	for _, s := range scrubs {
		text = s.pattern.ReplaceAllString(text, s.with)
	}
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + " …"
	}
	return text
}

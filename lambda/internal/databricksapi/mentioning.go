package databricksapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
)

type mentioned struct{}

// Mentioning returns a context in which a list is read for those of its objects
// that mention one of the texts, such as a name or an id. The account API can
// only be asked for all of a kind, which may be thousands, and to decode them
// takes the SDK longer than all else that a step does.
func Mentioning(ctx context.Context, texts ...string) context.Context {
	// JSON could write any other character in more than one way.
	if slices.ContainsFunc(texts, func(t string) bool { return !plain.MatchString(t) }) {
		return ctx
	}
	return context.WithValue(ctx, mentioned{}, texts)
}

var plain = regexp.MustCompile(`^[A-Za-z0-9._:-]+$`)

// onlyMentioned leaves out of a list what its reader does not ask for.
func onlyMentioned(r *http.Request, resp *http.Response) error {
	texts, ok := r.Context().Value(mentioned{}).([]string)
	if !ok || r.Method != http.MethodGet || resp.StatusCode != http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return fmt.Errorf("reading a list: %w", err)
	}
	var all []json.RawMessage
	if json.Unmarshal(body, &all) == nil {
		all = slices.DeleteFunc(all, func(object json.RawMessage) bool {
			return !slices.ContainsFunc(texts, func(t string) bool { return bytes.Contains(object, []byte(t)) })
		})
		if body, err = json.Marshal(all); err != nil {
			return fmt.Errorf("shortening a list: %w", err)
		}
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

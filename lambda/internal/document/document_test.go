package document_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/plan"
)

// Each step of the plan has its key in the document, and each key beyond the
// head of the document is a step's.
func TestKeysAreThoseOfThePlan(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[document.Document]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		keys[name] = true
	}
	for _, s := range plan.Steps() {
		if s.Result != "" && !keys[s.Result] {
			t.Errorf("the document has no place for %s of %s", s.Result, s.Name)
		}
		delete(keys, s.Result)
	}
	for _, head := range []string{"apiVersion", "workspace", "revision", "mode", "execution", "spec", "digest", "adopt", "protected", "retirement"} {
		delete(keys, head)
	}
	if len(keys) > 0 {
		t.Errorf("no step makes %v", keys)
	}
}

// While a stack is upgraded, functions of both versions work on one document: they
// let what they do not know pass, and nothing of another version of the document.
func TestDecode(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(document.Document{APIVersion: document.Version, Workspace: "tokyo"})
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(text), "{", `{"member":{"of":"a newer step"},`, 1)
	for _, good := range []string{string(text), newer} {
		if d, err := document.Decode([]byte(good)); err != nil || d.Workspace != "tokyo" {
			t.Errorf("%s: %+v, %v", good, d, err)
		}
	}
	for _, bad := range []string{`{`, `[]`, `{}`, `{"apiVersion":"lakegate.dev/v2"}`} {
		if _, err := document.Decode([]byte(bad)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

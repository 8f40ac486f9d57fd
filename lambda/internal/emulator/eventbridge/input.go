package eventbridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// inputTransformer makes the input of a target from parts of an event.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
type inputTransformer struct {
	InputPathsMap map[string]string `json:",omitempty"`
	InputTemplate string
}

// path is a JSON path: keys are strings, indices are ints.
type path []any

var pathStep = regexp.MustCompile(`^(?:\.([A-Za-z0-9_/-]+)|\[(\d{1,6})\])`)

// parsePath parses dots and indices, as in $.resources[0]. Wildcards, which the
// service takes too, are refused.
func parsePath(text string) (path, error) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return nil, fmt.Errorf("the path %q does not begin with $", text)
	}
	var p path
	for rest != "" {
		m := pathStep.FindStringSubmatch(rest)
		switch {
		case m == nil:
			return nil, fmt.Errorf("the path %q is more than keys and indices", text)
		case m[1] != "":
			p = append(p, m[1])
		default:
			n, err := strconv.Atoi(m[2])
			if err != nil {
				return nil, fmt.Errorf("the path %q: %w", text, err)
			}
			p = append(p, n)
		}
		rest = rest[len(m[0]):]
	}
	return p, nil
}

// find returns what is at a path of a JSON value, as it is written.
func (p path) find(doc json.RawMessage) (json.RawMessage, bool) {
	for _, step := range p {
		switch step := step.(type) {
		case string:
			var object map[string]json.RawMessage
			if json.Unmarshal(doc, &object) != nil || object[step] == nil {
				return nil, false
			}
			doc = object[step]
		case int:
			var list []json.RawMessage
			if json.Unmarshal(doc, &list) != nil || step >= len(list) {
				return nil, false
			}
			doc = list[step]
		}
	}
	return doc, true
}

// placeholder is a variable in a template.
var placeholder = regexp.MustCompile(`<([A-Za-z0-9_.\-]+)>`)

// predefined are the variables that every template has.
var predefined = []string{
	"aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time",
	"aws.events.event", "aws.events.event.json",
}

// check reports why the service would refuse the transformer.
func (t *inputTransformer) check() error {
	if len(t.InputPathsMap) > 100 {
		return errors.New("InputPathsMap has more than 100 entries")
	}
	for _, name := range slices.Sorted(maps.Keys(t.InputPathsMap)) {
		if strings.HasPrefix(strings.ToUpper(name), "AWS.") {
			return fmt.Errorf("the variable %s begins with AWS", name)
		}
		if _, err := parsePath(t.InputPathsMap[name]); err != nil {
			return err
		}
	}
	if len(t.InputTemplate) < 1 || len(t.InputTemplate) > 8192 {
		return errors.New("InputTemplate is empty or longer than 8192 characters")
	}
	for _, m := range placeholder.FindAllStringSubmatch(t.InputTemplate, -1) {
		if _, ok := t.InputPathsMap[m[1]]; !ok && !slices.Contains(predefined, m[1]) {
			return fmt.Errorf("the template has the undefined variable <%s>", m[1])
		}
	}
	sample := t.fill(func(string, bool) string { return "0" })
	if !areJSON(sample) {
		return errors.New("InputTemplate is neither JSON nor lines of JSON strings")
	}
	return nil
}

// areJSON says whether a text is one JSON value or several, as the lines of a
// template are.
func areJSON(text []byte) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	for n := 0; ; n++ {
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return errors.Is(err, io.EOF) && n > 0
		}
	}
}

// fill replaces every placeholder by its value, which may depend on whether it
// is inside a JSON string.
func (t *inputTransformer) fill(value func(name string, quoted bool) string) []byte {
	var out bytes.Buffer
	quoted, from := false, 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(t.InputTemplate, -1) {
		text := t.InputTemplate[from:m[0]]
		quoted = ends(text, quoted)
		out.WriteString(text)
		out.WriteString(value(t.InputTemplate[m[2]:m[3]], quoted))
		from = m[1]
	}
	out.WriteString(t.InputTemplate[from:])
	return out.Bytes()
}

// ends says whether a text ends inside a JSON string, if it begins so or not.
func ends(text string, quoted bool) bool {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == '\\' && quoted:
			i++
		}
	}
	return quoted
}

// payload is what a target of a rule gets for an event.
func (t target) payload(r *rule, e Event, ingested time.Time) ([]byte, error) {
	doc := e.JSON()
	switch {
	case t.Input != "":
		return []byte(t.Input), nil
	case t.InputPath != "":
		p, err := parsePath(t.InputPath)
		if err != nil {
			return nil, err
		}
		part, ok := p.find(doc)
		if !ok {
			return nil, fmt.Errorf("the event has nothing at %s", t.InputPath)
		}
		return part, nil
	case t.InputTransformer != nil:
		return t.InputTransformer.render(r, e, doc, ingested)
	default:
		return doc, nil
	}
}

// render fills the template. What is missing is nothing, so that a template
// which needs it as a JSON value does not become JSON.
func (t *inputTransformer) render(r *rule, e Event, doc []byte, ingested time.Time) ([]byte, error) {
	values := map[string]json.RawMessage{
		"aws.events.rule-arn":             mustJSON(r.arn),
		"aws.events.rule-name":            mustJSON(r.name),
		"aws.events.event.ingestion-time": mustJSON(stamp(ingested)),
		"aws.events.event.json":           doc,
		"aws.events.event":                withoutDetail(doc),
	}
	for name, text := range t.InputPathsMap {
		p, err := parsePath(text)
		if err != nil {
			return nil, err
		}
		if v, ok := p.find(doc); ok {
			values[name] = v
		}
	}
	out := t.fill(func(name string, quoted bool) string {
		v := values[name]
		if !quoted {
			return string(v)
		}
		var s string
		if json.Unmarshal(v, &s) != nil {
			s = string(v)
		}
		escaped := mustJSON(s)
		return string(escaped[1 : len(escaped)-1])
	})
	if !areJSON(out) {
		return nil, fmt.Errorf("the template of event %s became %s, which is not JSON", e.ID, out)
	}
	return out, nil
}

func withoutDetail(doc []byte) json.RawMessage {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(doc, &fields); err != nil {
		panic("eventbridge: decoding an event: " + err.Error())
	}
	delete(fields, "detail")
	return mustJSON(fields)
}

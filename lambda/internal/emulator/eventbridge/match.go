package eventbridge

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Match says whether an event pattern selects an event. A pattern with a filter
// that is not known is an error, never a silent yes or no.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
func Match(pattern, event []byte) (bool, error) {
	var p map[string]any
	var e any
	if err := json.Unmarshal(pattern, &p); err != nil {
		return false, fmt.Errorf("reading pattern: %w", err)
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return false, fmt.Errorf("reading event: %w", err)
	}
	return matchObject(p, e)
}

func matchObject(pattern map[string]any, event any) (bool, error) {
	object, _ := event.(map[string]any)
	all := true
	for key, want := range pattern {
		value, present := object[key]
		var ok bool
		var err error
		switch want := want.(type) {
		case map[string]any:
			ok, err = matchObject(want, value)
		case []any:
			ok, err = matchAny(want, value, present)
		default:
			err = fmt.Errorf("pattern: %q must be an object or an array", key)
		}
		if err != nil {
			return false, err
		}
		// All of the pattern is read, so that a mistake anywhere is found.
		all = all && ok
	}
	return all, nil
}

func matchAny(wants []any, value any, present bool) (bool, error) {
	if len(wants) == 0 {
		return false, fmt.Errorf("pattern: an array is empty")
	}
	found := false
	for _, want := range wants {
		ok, err := matchOne(want, value, present)
		if err != nil {
			return false, err
		}
		found = found || ok
	}
	return found, nil
}

func matchOne(want, value any, present bool) (bool, error) {
	filter, ok := want.(map[string]any)
	if !ok {
		if list, isList := value.([]any); isList {
			return slices.Contains(list, want), nil
		}
		return present && value == want, nil
	}
	if len(filter) != 1 {
		return false, fmt.Errorf("pattern: a filter must have one member")
	}
	text, isText := value.(string)
	for name, arg := range filter {
		argText, _ := arg.(string)
		switch name {
		case "exists":
			return present == (arg == true), nil
		case "prefix":
			return isText && strings.HasPrefix(text, argText), nil
		case "suffix":
			return isText && strings.HasSuffix(text, argText), nil
		case "equals-ignore-case":
			return isText && strings.EqualFold(text, argText), nil
		case "wildcard":
			return isText && wildcard(argText, text), nil
		case "anything-but":
			list, isList := arg.([]any)
			if !isList {
				list = []any{arg}
			}
			return present && !slices.Contains(list, value), nil
		default:
			return false, fmt.Errorf("pattern: the filter %q is not supported", name)
		}
	}
	return false, nil
}

// wildcard matches * against any run of characters, in linear time.
func wildcard(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}

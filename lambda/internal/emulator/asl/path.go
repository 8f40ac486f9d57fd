package asl

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// read resolves a path or an intrinsic function against the input; $$ is the
// context object.
func read(expr string, input any, context map[string]any) (any, error) {
	switch {
	case strings.HasPrefix(expr, "States."):
		return call(expr, input, context)
	case strings.HasPrefix(expr, "$$"):
		return follow(expr[1:], any(context))
	case strings.HasPrefix(expr, "$"):
		return follow(expr, input)
	}
	return nil, fmt.Errorf("%q is neither a path nor an intrinsic function", expr)
}

func follow(path string, v any) (any, error) {
	rest := path[1:]
	for rest != "" {
		var key string
		switch {
		case strings.HasPrefix(rest, "['"):
			end := strings.Index(rest, "']")
			if end < 0 {
				return nil, fmt.Errorf("path %q is not closed", path)
			}
			key, rest = rest[2:end], rest[end+2:]
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return nil, fmt.Errorf("path %q is not closed", path)
			}
			i, err := strconv.Atoi(rest[1:end])
			list, ok := v.([]any)
			if err != nil || !ok || i < 0 || i >= len(list) {
				return nil, fmt.Errorf("path %q leads nowhere", path)
			}
			v, rest = list[i], rest[end+1:]
			continue
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			key, rest = rest[1:end+1], rest[end+1:]
		default:
			return nil, fmt.Errorf("path %q is not supported", path)
		}
		object, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("path %q leads nowhere", path)
		}
		if v, ok = object[key]; !ok {
			return nil, fmt.Errorf("path %q leads nowhere", path)
		}
	}
	return v, nil
}

// call evaluates an intrinsic function.
func call(expr string, input any, context map[string]any) (any, error) {
	open := strings.IndexByte(expr, '(')
	if open < 0 || !strings.HasSuffix(expr, ")") {
		return nil, fmt.Errorf("%q is not a call", expr)
	}
	var args []any
	for _, a := range split(expr[open+1 : len(expr)-1]) {
		v, err := argument(strings.TrimSpace(a), input, context)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	switch name := expr[:open]; name {
	case "States.JsonMerge":
		if len(args) != 3 {
			return nil, fmt.Errorf("%s takes three arguments", name)
		}
		a, okA := args[0].(map[string]any)
		b, okB := args[1].(map[string]any)
		if !okA || !okB || args[2] != false {
			return nil, fmt.Errorf("%s takes two objects and false", name)
		}
		out := maps.Clone(a)
		maps.Copy(out, b)
		return out, nil
	default:
		return nil, fmt.Errorf("%s is not supported", name)
	}
}

func argument(s string, input any, context map[string]any) (any, error) {
	if strings.HasPrefix(s, "$") || strings.HasPrefix(s, "States.") {
		return read(s, input, context)
	}
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		return nil, fmt.Errorf("argument %q: %w", s, err)
	}
	return v, nil
}

// split separates arguments at commas that are not inside parentheses.
func split(s string) []string {
	var out []string
	depth, start := 0, 0
	for i, r := range s {
		switch r {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, s[start:i])
				start = i + 1
			}
		}
	}
	return append(out, s[start:])
}

// template fills in the members of a payload template that end in .$.
func template(t any, input any, context map[string]any) (any, error) {
	switch t := t.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, v := range t {
			if name, ok := strings.CutSuffix(k, ".$"); ok {
				expr, isText := v.(string)
				if !isText {
					return nil, fmt.Errorf("%s must be a text", k)
				}
				got, err := read(expr, input, context)
				if err != nil {
					return nil, err
				}
				out[name] = got
				continue
			}
			got, err := template(v, input, context)
			if err != nil {
				return nil, err
			}
			out[k] = got
		}
		return out, nil
	case []any:
		out := make([]any, len(t))
		for i, v := range t {
			got, err := template(v, input, context)
			if err != nil {
				return nil, err
			}
			out[i] = got
		}
		return out, nil
	default:
		return t, nil
	}
}

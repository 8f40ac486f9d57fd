package eventbridge

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// valuePattern matches one value of an event: a string, json.Number, bool or nil.
type valuePattern func(v any) bool

func onString(match func(string) bool) valuePattern {
	return func(v any) bool {
		s, ok := v.(string)
		return ok && match(s)
	}
}

// isAbsence recognises {"exists": false}, which is about the whole event and
// not about a value.
func isAbsence(v any) bool {
	m, ok := v.(map[string]any)
	return ok && len(m) == 1 && m["exists"] == false
}

// compileValue compiles one element of a leaf. The reason says why it is
// refused; it is empty if it is not.
func compileValue(v any) (p valuePattern, reason string) {
	switch v := v.(type) {
	case map[string]any:
		return compileExpression(v)
	case []any:
		return nil, "Match value must be String, number, true, false, or null"
	case string:
		return equalString(v), ""
	case json.Number:
		return equalNumber(v), ""
	default:
		return func(x any) bool { return x == v }, ""
	}
}

func compileExpression(m map[string]any) (p valuePattern, reason string) {
	name, arg, reason := only(m)
	if reason != "" {
		return nil, reason
	}
	switch name {
	case "prefix", "suffix":
		return compileAffix(name, arg)
	case "equals-ignore-case":
		s, ok := arg.(string)
		if !ok {
			return nil, "equals-ignore-case match pattern must be a string"
		}
		return onString(func(v string) bool { return strings.EqualFold(v, s) }), ""
	case "wildcard":
		match, reason := compileWildcard(arg)
		return onString(match), reason
	case "cidr":
		return compileCIDR(arg)
	case "numeric":
		return compileNumeric(arg)
	case "exists":
		// false has been taken out as an absence.
		if arg != true {
			return nil, "exists match pattern must be either true or false."
		}
		return func(any) bool { return true }, ""
	case "anything-but":
		return compileAnythingBut(arg)
	default:
		return nil, "Unrecognized match type " + name
	}
}

// only returns the one member of an expression.
func only(m map[string]any) (name string, arg any, reason string) {
	switch len(m) {
	case 0:
		return "", nil, "Match expression name not found"
	case 1:
		for name, arg := range m {
			return name, arg, ""
		}
	}
	return "", nil, "Only one key allowed in match expression"
}

// equalString matches a string; addresses are equal however they are written.
func equalString(s string) valuePattern {
	ip, err := netip.ParseAddr(s)
	return onString(func(v string) bool {
		if v == s {
			return true
		}
		if err != nil {
			return false
		}
		other, err := netip.ParseAddr(v)
		return err == nil && other == ip
	})
}

// maxNumber is the greatest absolute value that is compared as a number.
const maxNumber = 5e9

// number returns a value as a number if the service compares it as one.
func number(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil && f >= -maxNumber && f <= maxNumber
}

// equalNumber matches a number by value, or by its text if it is too great, as
// the number of an account is.
func equalNumber(n json.Number) valuePattern {
	want, comparable := number(n)
	return func(v any) bool {
		if v == n {
			return true
		}
		got, ok := number(v)
		return ok && comparable && got == want
	}
}

func compileAffix(name string, arg any) (valuePattern, string) {
	if m, ok := arg.(map[string]any); ok {
		inner, folded, reason := only(m)
		switch {
		case reason != "":
			return nil, reason
		case inner != "equals-ignore-case":
			return nil, "Unsupported " + name + " pattern: " + inner
		}
		s, ok := folded.(string)
		if !ok {
			return nil, "equals-ignore-case match pattern must be a string"
		}
		if name == "prefix" {
			return onString(func(v string) bool { return hasPrefixFold(v, s) }), ""
		}
		return onString(func(v string) bool { return hasSuffixFold(v, s) }), ""
	}
	s, ok := arg.(string)
	if !ok {
		return nil, name + " match pattern must be a string"
	}
	if name == "prefix" {
		return onString(func(v string) bool { return strings.HasPrefix(v, s) }), ""
	}
	return onString(func(v string) bool { return strings.HasSuffix(v, s) }), ""
}

func hasPrefixFold(s, prefix string) bool {
	end := 0
	for range utf8.RuneCountInString(prefix) {
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	return strings.EqualFold(s[:end], prefix)
}

func hasSuffixFold(s, suffix string) bool {
	start := len(s)
	for range utf8.RuneCountInString(suffix) {
		_, size := utf8.DecodeLastRuneInString(s[:start])
		start -= size
	}
	return strings.EqualFold(s[start:], suffix)
}

// compileWildcard compiles a string in which * stands for any characters; \*
// and \\ stand for themselves. It matches in time linear in the string for
// every piece of the pattern.
func compileWildcard(arg any) (match func(string) bool, reason string) {
	s, ok := arg.(string)
	if !ok {
		return nil, "wildcard match pattern must be a string"
	}
	var pieces []string
	var piece []byte
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '*':
			if i > 0 && s[i-1] == '*' && len(piece) == 0 {
				return nil, fmt.Sprintf("Consecutive wildcard characters at pos %d", i)
			}
			pieces, piece = append(pieces, string(piece)), nil
		case '\\':
			if i+1 == len(s) || (s[i+1] != '*' && s[i+1] != '\\') {
				return nil, fmt.Sprintf("Invalid escape character at pos %d", i+1)
			}
			i++
			piece = append(piece, s[i])
		default:
			piece = append(piece, s[i])
		}
	}
	pieces = append(pieces, string(piece))
	return func(v string) bool { return matchPieces(v, pieces) }, ""
}

// matchPieces says whether s is the pieces with anything between them.
func matchPieces(s string, pieces []string) bool {
	if len(pieces) == 1 {
		return s == pieces[0]
	}
	first, last := pieces[0], pieces[len(pieces)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	// The leftmost place of a piece leaves the most room for those after it.
	for _, piece := range pieces[1 : len(pieces)-1] {
		i := strings.Index(s, piece)
		if i < 0 {
			return false
		}
		s = s[i+len(piece):]
	}
	return true
}

// compileCIDR compiles a range of addresses. As in the service, it begins at
// the address as it is written, not at the first one of its network.
func compileCIDR(arg any) (valuePattern, string) {
	s, ok := arg.(string)
	if !ok {
		return nil, "prefix match pattern must be a string"
	}
	host, mask, slash := strings.Cut(s, "/")
	if !slash || strings.Contains(mask, "/") {
		return nil, "Malformed CIDR, one '/' required"
	}
	bits, err := strconv.Atoi(mask)
	if err != nil {
		return nil, "Malformed CIDR, mask bits must be an integer"
	}
	if bits < 0 {
		return nil, "Malformed CIDR, mask bits must not be negative"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Zone() != "" {
		return nil, "Nonstandard IP address: " + host
	}
	if bits >= ip.BitLen() {
		return nil, fmt.Sprintf("IPv%d mask bits must be < %d", map[bool]int{true: 4, false: 6}[ip.Is4()], ip.BitLen())
	}
	network := netip.PrefixFrom(ip, bits)
	return onString(func(v string) bool {
		other, err := netip.ParseAddr(v)
		return err == nil && network.Contains(other) && other.Compare(ip) >= 0
	}), ""
}

// compileNumeric compiles ["=", n], one bound, or a lower and an upper bound.
func compileNumeric(arg any) (valuePattern, string) {
	terms, ok := arg.([]any)
	if !ok {
		return nil, "Value of numeric must be an array."
	}
	if len(terms) == 0 {
		return nil, "Invalid member in numeric match: ]"
	}
	operator, ok := terms[0].(string)
	if !ok {
		return nil, fmt.Sprintf("Invalid member in numeric match: %v", terms[0])
	}
	if !slices.Contains([]string{"=", "<", "<=", ">", ">="}, operator) {
		return nil, "Unrecognized numeric range operator: " + operator
	}
	lower, reason := bound(operator, terms[1:])
	switch {
	case reason != "":
		return nil, reason
	case len(terms) == 2:
		return onNumber(lower), ""
	case operator != ">" && operator != ">=":
		return nil, "Too many elements in numeric expression"
	}
	operator, ok = terms[2].(string)
	if !ok {
		return nil, fmt.Sprintf("Bad value in numeric range: %v", terms[2])
	}
	if operator != "<" && operator != "<=" {
		return nil, "Bad numeric range operator: " + operator
	}
	upper, reason := bound(operator, terms[3:])
	switch {
	case reason != "":
		return nil, reason
	case len(terms) > 4:
		return nil, "Too many terms in numeric range expression"
	}
	from, _ := number(terms[1])
	to, _ := number(terms[3])
	if from >= to {
		return nil, "Bottom must be less than top"
	}
	return onNumber(func(f float64) bool { return lower(f) && upper(f) }), ""
}

// bound compiles an operator and the first of the terms that follow it.
func bound(operator string, terms []any) (match func(float64) bool, reason string) {
	if len(terms) == 0 {
		return nil, "Value of " + operator + " must be numeric"
	}
	if _, ok := terms[0].(json.Number); !ok {
		return nil, "Value of " + operator + " must be numeric"
	}
	n, ok := number(terms[0])
	if !ok {
		return nil, "Value must be between -5.0E9 and 5.0E9, inclusive"
	}
	switch operator {
	case "=":
		return func(f float64) bool { return f == n }, ""
	case "<":
		return func(f float64) bool { return f < n }, ""
	case "<=":
		return func(f float64) bool { return f <= n }, ""
	case ">":
		return func(f float64) bool { return f > n }, ""
	default:
		return func(f float64) bool { return f >= n }, ""
	}
}

func onNumber(match func(float64) bool) valuePattern {
	return func(v any) bool {
		f, ok := number(v)
		return ok && match(f)
	}
}

// compileAnythingBut compiles the negation of values, or of prefixes, suffixes,
// wildcards or equals-ignore-case. A field that is absent does not match.
func compileAnythingBut(arg any) (valuePattern, string) {
	m, ok := arg.(map[string]any)
	if !ok {
		return anythingButValues(arg)
	}
	name, arg, reason := only(m)
	if reason != "" {
		return nil, reason
	}
	notString := "prefix/suffix match pattern must be a string"
	switch name {
	case "prefix", "suffix":
	case "wildcard":
		notString = "wildcard match pattern must be a string"
	case "equals-ignore-case":
		notString = "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
	default:
		return nil, "Unsupported anything-but pattern: " + name
	}
	list, reason := values(arg)
	if reason != "" {
		return nil, reason
	}
	var refused []valuePattern
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, notString
		}
		if s == "" && (name == "prefix" || name == "suffix") {
			return nil, "Null prefix/suffix not allowed"
		}
		p, reason := compileExpression(map[string]any{name: s})
		if reason != "" {
			return nil, reason
		}
		refused = append(refused, p)
	}
	return not(refused), ""
}

func anythingButValues(arg any) (valuePattern, string) {
	list, reason := values(arg)
	if reason != "" {
		return nil, reason
	}
	var refused []valuePattern
	strings, numbers := 0, 0
	for _, v := range list {
		switch v := v.(type) {
		case string:
			strings++
			refused = append(refused, func(x any) bool { return x == v })
		case json.Number:
			if _, ok := number(v); !ok {
				return nil, "Value must be between -5.0E9 and 5.0E9, inclusive"
			}
			numbers++
			refused = append(refused, equalNumber(v))
		default:
			return nil, "Inside anything but list, start|null|boolean is not supported."
		}
	}
	if (strings == 0) == (numbers == 0) {
		return nil, "Inside anything but list, either all values are number or string, mixed type is not supported"
	}
	return not(refused), ""
}

// values returns what anything-but is about: a list, one string or one number.
func values(arg any) ([]any, string) {
	switch v := arg.(type) {
	case []any:
		return v, ""
	case string, json.Number:
		return []any{v}, ""
	default:
		return nil, "Value of anything-but must be an array or single string/number value."
	}
}

func not(refused []valuePattern) valuePattern {
	return func(v any) bool {
		return !slices.ContainsFunc(refused, func(p valuePattern) bool { return p(v) })
	}
}

package ec2

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// filter selects objects that have one of the values in a field.
type filter struct {
	Name   string   `ec2:"Name,required"`
	Values []string `ec2:"Value"`
}

// fields are the filters of a type of object: what an object has in each.
type fields[T any] map[string]func(*request, T) []string

// compile turns filters into a condition. All filters must hold; a filter that
// does not exist is an error.
func (f fields[T]) compile(r *request, filters []filter) (func(T) bool, error) {
	var conds []func(T) bool
	for _, flt := range filters {
		get, ok := f[flt.Name]
		if key, isTag := strings.CutPrefix(flt.Name, "tag:"); isTag && f["tag-key"] != nil {
			get, ok = tagValue[T](key), true
		}
		if !ok {
			return nil, fault("InvalidParameterValue", "The filter '%s' is invalid", flt.Name)
		}
		if len(flt.Values) == 0 {
			return nil, fault("InvalidParameterValue", "The filter '%s' has no values", flt.Name)
		}
		conds = append(conds, func(v T) bool {
			return slices.ContainsFunc(get(r, v), func(has string) bool {
				return slices.ContainsFunc(flt.Values, func(want string) bool { return wildcard(want, has) })
			})
		})
	}
	return func(v T) bool {
		return !slices.ContainsFunc(conds, func(c func(T) bool) bool { return !c(v) })
	}, nil
}

func tagValue[T any](key string) func(*request, T) []string {
	return func(_ *request, v T) []string {
		value, ok := any(v).(object).self().Tags[key]
		if !ok {
			return nil
		}
		return []string{value}
	}
}

func tagKeys[T object](_ *request, v T) []string {
	var keys []string
	for key := range v.self().Tags {
		keys = append(keys, key)
	}
	return keys
}

func owner[T any](r *request, _ T) []string { return []string{r.account} }

func flag(b bool) []string { return []string{strconv.FormatBool(b)} }

// wildcard matches a filter value: * stands for any text, ? for any character,
// and a backslash takes away the special meaning of the next character.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
func wildcard(pattern, s string) bool {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '*':
			for j := range len(s) + 1 {
				if wildcard(pattern[i+1:], s[j:]) {
					return true
				}
			}
			return false
		case '?':
			if s == "" {
				return false
			}
		case '\\':
			if i+1 < len(pattern) {
				i++
			}
			fallthrough
		default:
			if s == "" || s[0] != pattern[i] {
				return false
			}
		}
		s = s[1:]
	}
	return s == ""
}

// query is what every Describe action takes.
type query struct {
	Filters    []filter `ec2:"Filter"`
	MaxResults *int     `ec2:"MaxResults"`
	NextToken  string   `ec2:"NextToken"`
}

// listing is how a type of object is described.
type listing[T object] struct {
	kind   kind
	fields fields[T]
	// parent is the filter that says what an object belongs to, if it belongs to
	// something.
	parent string
	// least is the smallest page that may be asked for.
	least int
}

// candidates narrows a search down to what belongs together.
func (l listing[T]) candidates(s *store[T], filters []filter) []T {
	for _, f := range filters {
		if f.Name == l.parent && len(f.Values) == 1 && !strings.ContainsAny(f.Values[0], `*?\`) {
			return s.of(f.Values[0])
		}
	}
	return s.all()
}

// describe returns the objects that a request selects by id and filter, and the
// token of the next page. An object that the request does not see yet is left
// out, or, if it was asked for by id, not found.
func (l listing[T]) describe(r *request, s *store[T], ids []string, q query) (page []T, next string, err error) {
	match, err := l.fields.compile(r, q.Filters)
	if err != nil {
		return nil, "", err
	}
	if len(ids) > 0 && q.MaxResults != nil {
		return nil, "", fault("InvalidParameterCombination", "The parameter maxResults cannot be used with a list of ids")
	}
	if len(ids) > 0 {
		found, err := findAll(r, s, l.kind, ids)
		if err != nil {
			return nil, "", err
		}
		return slices.DeleteFunc(found, func(v T) bool { return !match(v) }), "", nil
	}
	unseen := func(v T) bool { return !match(v) || !r.visible(v.self().ID) }
	return paginate(slices.DeleteFunc(l.candidates(s, q.Filters), unseen), q, l.least)
}

// paginate cuts one page out of a list.
func paginate[T any](all []T, q query, least int) (page []T, next string, err error) {
	start, size := 0, len(all)
	if q.MaxResults != nil {
		if size = *q.MaxResults; size < least || size > 1000 {
			return nil, "", fault("InvalidParameterValue", "Value ( %d ) for parameter maxResults is invalid. Expecting a value between %d and 1000.", size, least)
		}
	}
	if q.NextToken != "" {
		text, err := base64.RawURLEncoding.DecodeString(q.NextToken)
		if err == nil {
			start, err = strconv.Atoi(string(text))
		}
		if err != nil || start < 0 {
			return nil, "", fault("InvalidNextToken", "The token '%s' is invalid", q.NextToken)
		}
	}
	start = min(start, len(all))
	end := min(start+size, len(all))
	if end < len(all) {
		next = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(end)))
	}
	return all[start:end], next, nil
}

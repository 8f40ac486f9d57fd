package eventbridge_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lakegate/lambda/internal/emulator/eventbridge"
)

// instance is an event with a value of every kind.
const instance = `{
  "version": "0", "id": "6a7e8feb", "detail-type": "EC2 Instance State-change Notification",
  "source": "aws.ec2", "account": "111122223333", "time": "2017-12-22T18:43:48Z", "region": "us-west-1",
  "resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-1", "arn:aws:ec2:us-west-1:123456789012:instance/i-2"],
  "detail": {
    "instance-id": "i-1", "state": "terminated", "c-count": 5, "x-limit": 301.8, "d-count": -0.5,
    "big": 123456789012345, "source-ip": "10.0.0.33", "ip6": "2001:db8::1", "owner": null, "name": "",
    "spot": false, "path": "dir/init/file.PNG", "tag": "a*b\\c", "empty": [], "nothing": {},
    "levels": [1, [2, "three"]], "dotted.key": "joined",
    "employees": [
      {"first": "Anna", "last": "Smith", "age": 30},
      {"first": "Pia", "last": "Jones"}
    ]
  }
}`

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern string
		want    bool
	}{
		// Values.
		{`{"source": ["aws.ec2"]}`, true},
		{`{"source": ["aws.s3"]}`, false},
		{`{"source": ["aws.s3", "aws.ec2"]}`, true},
		{`{"source": ["AWS.EC2"]}`, false},
		{`{"Source": ["aws.ec2"]}`, false},
		{`{"source": ["aws.ec2"], "region": ["us-west-1"]}`, true},
		{`{"source": ["aws.ec2"], "region": ["us-west-2"]}`, false},
		{`{"detail": {"c-count": [5]}}`, true},
		{`{"detail": {"c-count": [5.0]}}`, true},
		{`{"detail": {"c-count": ["5"]}}`, false},
		{`{"detail": {"x-limit": [3.018e2]}}`, true},
		{`{"detail": {"big": [123456789012345]}}`, true},
		{`{"detail": {"big": [123456789012346]}}`, false},
		{`{"account": [111122223333]}`, false},
		{`{"detail": {"owner": [null]}}`, true},
		{`{"detail": {"name": [null]}}`, false},
		{`{"detail": {"empty": [null]}}`, false},
		{`{"detail": {"name": [""]}}`, true},
		{`{"detail": {"owner": [""]}}`, false},
		{`{"detail": {"spot": [false]}}`, true},
		{`{"detail": {"spot": ["false"]}}`, false},
		{`{"detail": {"ip6": ["2001:0db8:0:0:0:0:0:1"]}}`, true},
		// Arrays.
		{`{"resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-2"]}`, true},
		{`{"resources": [{"suffix": "/i-1"}]}`, true},
		{`{"resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-3"]}`, false},
		{`{"detail": {"levels": ["three"]}}`, true},
		{`{"detail": {"levels": [2]}}`, true},
		{`{"detail": {"employees": {"first": ["Pia"]}}}`, true},
		{`{"detail": {"employees": {"first": ["Anna"], "last": ["Smith"]}}}`, true},
		{`{"detail": {"employees": {"first": ["Anna"], "last": ["Jones"]}}}`, false},
		// Keys with dots.
		{`{"detail": {"dotted": {"key": ["joined"]}}}`, true},
		{`{"detail.state": ["terminated"]}`, true},
		{`{"detail.state": ["running"]}`, false},
		{`{"detail": {"employees.first": ["Pia"]}}`, true},
		// Prefix, suffix, equals-ignore-case.
		{`{"time": [{"prefix": "2017-12-22"}]}`, true},
		{`{"time": [{"prefix": "2017-12-23"}]}`, false},
		{`{"detail": {"name": [{"prefix": ""}]}}`, true},
		{`{"detail": {"c-count": [{"prefix": "5"}]}}`, false},
		{`{"detail": {"state": [{"prefix": {"equals-ignore-case": "TERM"}}]}}`, true},
		{`{"detail": {"state": [{"prefix": {"equals-ignore-case": "TERMINATEDX"}}]}}`, false},
		{`{"detail": {"path": [{"suffix": ".PNG"}]}}`, true},
		{`{"detail": {"path": [{"suffix": ".png"}]}}`, false},
		{`{"detail": {"path": [{"suffix": {"equals-ignore-case": ".png"}}]}}`, true},
		{`{"detail": {"state": [{"equals-ignore-case": "TERMINATED"}]}}`, true},
		{`{"detail": {"state": [{"equals-ignore-case": "TERMINATE"}]}}`, false},
		{`{"detail": {"name": [{"equals-ignore-case": ""}]}}`, true},
		// Anything-but.
		{`{"detail": {"state": [{"anything-but": "running"}]}}`, true},
		{`{"detail": {"state": [{"anything-but": "terminated"}]}}`, false},
		{`{"detail": {"state": [{"anything-but": ["running", "terminated"]}]}}`, false},
		{`{"detail": {"c-count": [{"anything-but": 5}]}}`, false},
		{`{"detail": {"c-count": [{"anything-but": 5.0}]}}`, false},
		{`{"detail": {"c-count": [{"anything-but": [100, 200]}]}}`, true},
		{`{"detail": {"c-count": [{"anything-but": "5"}]}}`, true},
		{`{"detail": {"owner": [{"anything-but": "me"}]}}`, true},
		{`{"detail": {"missing": [{"anything-but": "me"}]}}`, false},
		{`{"resources": [{"anything-but": "arn:aws:ec2:us-west-1:123456789012:instance/i-1"}]}`, true},
		{`{"detail": {"state": [{"anything-but": {"prefix": "term"}}]}}`, false},
		{`{"detail": {"state": [{"anything-but": {"prefix": ["run", "stop"]}}]}}`, true},
		{`{"detail": {"c-count": [{"anything-but": {"prefix": "term"}}]}}`, true},
		{`{"detail": {"path": [{"anything-but": {"suffix": ".PNG"}}]}}`, false},
		{`{"detail": {"path": [{"anything-but": {"suffix": [".png", ".jpg"]}}]}}`, true},
		{`{"detail": {"state": [{"anything-but": {"equals-ignore-case": "Terminated"}}]}}`, false},
		{`{"detail": {"state": [{"anything-but": {"equals-ignore-case": ["Running", "Stopped"]}}]}}`, true},
		{`{"detail": {"path": [{"anything-but": {"wildcard": "*/init/*"}}]}}`, false},
		{`{"detail": {"path": [{"anything-but": {"wildcard": ["*/lib/*", "*.exe"]}}]}}`, true},
		{`{"detail": {"path": [{"anything-but": {"wildcard": ""}}]}}`, true},
		// Numeric.
		{`{"detail": {"c-count": [{"numeric": [">", 0, "<=", 5]}]}}`, true},
		{`{"detail": {"c-count": [{"numeric": [">", 0, "<", 5]}]}}`, false},
		{`{"detail": {"c-count": [{"numeric": [">=", 5]}]}}`, true},
		{`{"detail": {"d-count": [{"numeric": ["<", 0]}]}}`, true},
		{`{"detail": {"x-limit": [{"numeric": ["=", 3.018e2]}]}}`, true},
		{`{"detail": {"state": [{"numeric": ["=", 5]}]}}`, false},
		{`{"detail": {"big": [{"numeric": [">", 0]}]}}`, false},
		// Addresses.
		{`{"detail": {"source-ip": [{"cidr": "10.0.0.0/24"}]}}`, true},
		{`{"detail": {"source-ip": [{"cidr": "10.0.1.0/24"}]}}`, false},
		{`{"detail": {"ip6": [{"cidr": "2001:db8::/32"}]}}`, true},
		{`{"detail": {"state": [{"cidr": "0.0.0.0/0"}]}}`, false},
		{`{"detail": {"c-count": [{"cidr": "0.0.0.0/0"}]}}`, false},
		// Exists is about leaves: an object or an empty array is absent.
		{`{"detail": {"state": [{"exists": true}]}}`, true},
		{`{"detail": {"state": [{"exists": false}]}}`, false},
		{`{"detail": {"owner": [{"exists": true}]}}`, true},
		{`{"detail": {"missing": [{"exists": true}]}}`, false},
		{`{"detail": {"missing": [{"exists": false}]}}`, true},
		{`{"missing": {"at": {"all": [{"exists": false}]}}}`, true},
		{`{"detail": {"nothing": [{"exists": false}]}}`, true},
		{`{"detail": {"empty": [{"exists": true}]}}`, false},
		{`{"detail": {"employees": [{"exists": false}]}}`, true},
		{`{"detail": {"employees": {"age": [{"exists": false}]}}}`, false},
		{`{"detail": {"state": ["terminated", {"exists": false}]}}`, true},
		{`{"detail": {"c-count": {"c1": [{"exists": false}]}}}`, true},
		// Wildcard.
		{`{"detail": {"path": [{"wildcard": "dir/*.PNG"}]}}`, true},
		{`{"detail": {"path": [{"wildcard": "*"}]}}`, true},
		{`{"detail": {"path": [{"wildcard": "dir*init*file*"}]}}`, true},
		{`{"detail": {"path": [{"wildcard": "dir*file*init*"}]}}`, false},
		{`{"detail": {"path": [{"wildcard": "dir/init"}]}}`, false},
		{`{"detail": {"path": [{"wildcard": "dir/init/file.PNG*.PNG"}]}}`, false},
		{`{"detail": {"tag": [{"wildcard": "a\\*b\\\\*"}]}}`, true},
		{`{"detail": {"state": [{"wildcard": "terminate\\*"}]}}`, false},
		{`{"detail": {"c-count": [{"wildcard": "*"}]}}`, false},
		// Or.
		{`{"source": ["aws.ec2"], "$or": [{"region": ["eu-west-1"]}, {"account": ["111122223333"]}]}`, true},
		{`{"source": ["aws.ec2"], "$or": [{"region": ["eu-west-1"]}, {"account": ["0"]}]}`, false},
		{`{"source": ["aws.s3"], "$or": [{"region": ["us-west-1"]}, {"account": ["0"]}]}`, false},
		{`{"detail": {"$or": [{"c-count": [{"numeric": [">", 9]}]}, {"d-count": [{"numeric": ["<", 9]}]}]}}`, true},
		{`{"$or": [{"source": ["x"]}, {"detail": {"$or": [{"state": ["y"]}, {"spot": [false], "c-count": [5]}]}}]}`, true},
		{`{"$or": [{"detail": {"missing": [{"exists": false}]}}, {"source": ["x"]}]}`, true},
		{`{"detail": {"employees": {"$or": [{"first": ["Anna"], "last": ["Jones"]}, {"age": [31]}]}}}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			t.Parallel()
			p, err := eventbridge.Compile(tt.pattern)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Match([]byte(instance))
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("match is %t, want %t", got, tt.want)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ pattern, want string }{
		{`["a"]`, "Filter is not an object"},
		{`{}`, "Empty objects are not allowed"},
		{`{"detail": {}}`, "Empty objects are not allowed\n at detail"},
		{`{"source": []}`, "Empty arrays are not allowed\n at source"},
		{`{"source": "aws.ec2"}`, "\"source\" must be an object or an array\n at source"},
		{`{"source": [["a"]]}`, "Match value must be String, number, true, false, or null\n at source"},
		{`{"source": [{}]}`, "Match expression name not found\n at source"},
		{`{"source": [{"prefix": "a", "suffix": "b"}]}`, "Only one key allowed in match expression\n at source"},
		{`{"source": [{"EXISTS": true}]}`, "Unrecognized match type EXISTS\n at source"},
		{`{"source": [{"exists": "yes"}]}`, "exists match pattern must be either true or false.\n at source"},
		{`{"source": [{"prefix": 1}]}`, "prefix match pattern must be a string\n at source"},
		{`{"source": [{"suffix": {"prefix": "x"}}]}`, "Unsupported suffix pattern: prefix\n at source"},
		{`{"source": [{"equals-ignore-case": ["x"]}]}`, "equals-ignore-case match pattern must be a string\n at source"},
		{`{"source": [{"prefix": {"equals-ignore-case": 1}}]}`, "equals-ignore-case match pattern must be a string\n at source"},
		{`{"source": [{"wildcard": 1}]}`, "wildcard match pattern must be a string\n at source"},
		{`{"source": [{"wildcard": "a**"}]}`, "Consecutive wildcard characters at pos 2\n at source"},
		{`{"source": [{"wildcard": "a\\b"}]}`, "Invalid escape character at pos 2\n at source"},
		{`{"source": [{"wildcard": "a\\"}]}`, "Invalid escape character at pos 2\n at source"},
		{`{"source": [{"cidr": "10.0.0.0"}]}`, "Malformed CIDR, one '/' required\n at source"},
		{`{"source": [{"cidr": "10.0.0.0/x"}]}`, "Malformed CIDR, mask bits must be an integer\n at source"},
		{`{"source": [{"cidr": "10.0.0.0/32"}]}`, "IPv4 mask bits must be < 32\n at source"},
		{`{"source": [{"cidr": "::/128"}]}`, "IPv6 mask bits must be < 128\n at source"},
		{`{"source": [{"cidr": "10.0.0/8"}]}`, "Nonstandard IP address: 10.0.0\n at source"},
		{`{"source": [{"numeric": 5}]}`, "Value of numeric must be an array.\n at source"},
		{`{"source": [{"numeric": []}]}`, "Invalid member in numeric match: ]\n at source"},
		{`{"source": [{"numeric": ["=", "5"]}]}`, "Value of = must be numeric\n at source"},
		{`{"source": [{"numeric": ["!", 5]}]}`, "Unrecognized numeric range operator: !\n at source"},
		{`{"source": [{"numeric": [">", 0, ">", 1]}]}`, "Bad numeric range operator: >\n at source"},
		{`{"source": [{"numeric": ["<", 0, ">", 1]}]}`, "Too many elements in numeric expression\n at source"},
		{`{"source": [{"numeric": [">", 0, "<"]}]}`, "Value of < must be numeric\n at source"},
		{`{"source": [{"numeric": [">", 0, "<", 1, 2]}]}`, "Too many terms in numeric range expression\n at source"},
		{`{"source": [{"numeric": [">", 5, "<", 1]}]}`, "Bottom must be less than top\n at source"},
		{`{"source": [{"numeric": [">", 5000000001]}]}`, "Value must be between -5.0E9 and 5.0E9, inclusive\n at source"},
		{`{"source": [{"anything-but": null}]}`, "Value of anything-but must be an array or single string/number value.\n at source"},
		{`{"source": [{"anything-but": []}]}`, "Inside anything but list, either all values are number or string, mixed type is not supported\n at source"},
		{`{"source": [{"anything-but": ["a", 1]}]}`, "Inside anything but list, either all values are number or string, mixed type is not supported\n at source"},
		{`{"source": [{"anything-but": [null]}]}`, "Inside anything but list, start|null|boolean is not supported.\n at source"},
		{`{"source": [{"anything-but": {"prefix": ""}}]}`, "Null prefix/suffix not allowed\n at source"},
		{`{"source": [{"anything-but": {"suffix": 3}}]}`, "prefix/suffix match pattern must be a string\n at source"},
		{`{"source": [{"anything-but": {"prefix": {"equals-ignore-case": "x"}}}]}`, "Value of anything-but must be an array or single string/number value.\n at source"},
		{`{"source": [{"anything-but": {"cidr": "10.0.0.0/8"}}]}`, "Unsupported anything-but pattern: cidr\n at source"},
		{`{"$or": {"source": ["a"]}}`, "It must be an Array followed with $or.\n at $or"},
		{`{"$or": [{"source": ["a"]}]}`, "There must have at least 2 Objects in $or relationship.\n at $or"},
		{`{"detail": {"$or": [{"a": ["a"]}, "b"]}}`, "Only JSON object is allowed in array of $or relationship.\n at detail.$or"},
		{`{"$or": [{"a": ["a"]}, {"prefix": ["b"]}]}`, "prefix is Ruler reserved fieldName which cannot be used inside $or.\n at prefix"},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			t.Parallel()
			_, err := eventbridge.Compile(tt.pattern)
			refusal, ok := errors.AsType[*eventbridge.PatternError](err)
			if !ok {
				t.Fatalf("got %v, want a refusal", err)
			}
			if got := refusal.Error(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCompileRefusesBrokenJSON(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{``, `{`, `{"source": ["a"]} x`, `{"source": [a]}`} {
		_, err := eventbridge.Compile(pattern)
		if refusal, ok := errors.AsType[*eventbridge.PatternError](err); !ok || !strings.HasPrefix(refusal.Reason, "Invalid JSON: ") {
			t.Errorf("%s: got %v, want a refusal", pattern, err)
		}
	}
}

func TestCompileCountsCombinations(t *testing.T) {
	t.Parallel()
	pattern := func(outer, inner int) string {
		return `{"detail": {` + alternatives(inner) + `}, ` + alternatives(outer) + `}`
	}
	if _, err := eventbridge.Compile(pattern(25, 40)); err != nil {
		t.Errorf("1000 combinations: %v", err)
	}
	if _, err := eventbridge.Compile(pattern(7, 143)); !errors.Is(err, eventbridge.ErrTooManyCombinations) {
		t.Errorf("1001 combinations: got %v", err)
	}
}

func TestMatchRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	p, err := eventbridge.Compile(`{"source": ["a"]}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{``, `[]`, `"a"`, `{"source": "a"} {}`} {
		if _, err := p.Match([]byte(event)); err == nil {
			t.Errorf("%s: no error", event)
		}
	}
}

// TestWildcardIsRegexp compares wildcards with regular expressions that say
// the same.
func TestWildcardIsRegexp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.StringMatching(`[ab]{1,3}`), 1, 5).Draw(t, "pieces")
		wildcard, expression := strings.Join(pieces, "*"), "^"+strings.Join(pieces, ".*")+"$"
		if rapid.Bool().Draw(t, "open") {
			wildcard, expression = "*"+wildcard+"*", strings.Trim(expression, "^$")
		}
		s := rapid.StringMatching(`[ab]{0,15}`).Draw(t, "value")
		p, err := eventbridge.Compile(fmt.Sprintf(`{"v": [{"wildcard": %q}]}`, wildcard))
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Match(fmt.Appendf(nil, `{"v": %q}`, s))
		if err != nil {
			t.Fatal(err)
		}
		if want := regexp.MustCompile(expression).MatchString(s); got != want {
			t.Errorf("%q matches %q: %t, want %t", wildcard, s, got, want)
		}
	})
}

// TestWildcardTakesBoundedTime matches what makes a backtracking matcher try
// for ever.
func TestWildcardTakesBoundedTime(t *testing.T) {
	t.Parallel()
	p, err := eventbridge.Compile(`{"v": [{"wildcard": "` + strings.Repeat("a*", 1000) + `b"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Match([]byte(`{"v": "` + strings.Repeat("a", 100_000) + `"}`))
	if err != nil || got {
		t.Errorf("got %t, %v", got, err)
	}
}

func FuzzPattern(f *testing.F) {
	f.Add(`{"source": ["aws.ec2", {"prefix": {"equals-ignore-case": "A"}}]}`, instance)
	f.Add(`{"detail": {"$or": [{"a.b": [{"wildcard": "*a*\\*b"}]}, {"c": [{"numeric": [">", 0, "<=", 5]}]}]}}`, `{"detail": {"a": [{"b": "xa*b"}]}}`)
	f.Add(`{"a": [{"anything-but": {"wildcard": ["*a", "b*"]}}], "b": [{"cidr": "::1/8"}, {"exists": false}]}`, `{"a": "c", "a.b": [[{"c": 1e999}]]}`)
	f.Fuzz(func(t *testing.T, pattern, event string) {
		p, err := eventbridge.Compile(pattern)
		if err != nil {
			return
		}
		first, err := p.Match([]byte(event))
		if err != nil {
			return
		}
		if second, err := p.Match([]byte(event)); err != nil || second != first {
			t.Errorf("matched %t, then %t, %v", first, second, err)
		}
	})
}

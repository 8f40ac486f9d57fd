package awsapi_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/awsapi"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		has, want, put awsapi.Tags
		former, drop   []string
	}{
		"as it should be":       {has: awsapi.Tags{"a": "1"}, want: awsapi.Tags{"a": "1"}, former: []string{"a"}, put: awsapi.Tags{}},
		"new, and changed":      {has: awsapi.Tags{"a": "1"}, want: awsapi.Tags{"a": "2", "b": ""}, put: awsapi.Tags{"a": "2", "b": ""}},
		"of an earlier spec":    {has: awsapi.Tags{"b": "1", "a": "1"}, want: awsapi.Tags{}, former: []string{"b", "a"}, put: awsapi.Tags{}, drop: []string{"a", "b"}},
		"of somebody else":      {has: awsapi.Tags{"Vendor": "Databricks", "aws:x": "1"}, want: awsapi.Tags{}, put: awsapi.Tags{}},
		"gone already":          {has: awsapi.Tags{}, want: awsapi.Tags{}, former: []string{"a"}, put: awsapi.Tags{}},
		"in another case":       {has: awsapi.Tags{"Team": "1"}, want: awsapi.Tags{"team": "1"}, former: []string{"Team"}, put: awsapi.Tags{"team": "1"}, drop: []string{"Team"}},
		"without any tags read": {want: awsapi.Tags{"a": "1"}, former: []string{"b"}, put: awsapi.Tags{"a": "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			put, drop := tt.has.Diff(tt.want, tt.former)
			if diff := cmp.Diff(tt.put, put); diff != "" {
				t.Errorf("what is put differs:\n%s", diff)
			}
			if diff := cmp.Diff(tt.drop, drop); diff != "" {
				t.Errorf("what is dropped differs:\n%s", diff)
			}
		})
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	tags := awsapi.Tags{"lakegate:shared:nara": "used", "lakegate:shared:mito": "used", "lakegate:managed": "owned", "lakegate:workspace": "kobe"}
	if diff := cmp.Diff([]string{"mito", "nara"}, tags.Users()); diff != "" {
		t.Errorf("the users differ:\n%s", diff)
	}
	if tags.Owner() != "kobe" || (awsapi.Tags{"lakegate:workspace": "kobe"}).Owner() != "" {
		t.Error("the owner is wrong")
	}
}

package revision_test

import (
	"testing"

	"lakegate/lambda/internal/revision"
)

func TestString(t *testing.T) {
	t.Parallel()
	const commit = "4f9c0a6e2b1d8c7f5a3e9d0b6c8f1a2e3d4b5c6f"
	for _, test := range []struct {
		revision     revision.Revision
		want, signed string
	}{
		{
			revision: revision.Revision{Source: "s3", Path: "workspaces/tokyo.yaml", Version: "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"},
			want:     "workspaces/tokyo.yaml@IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
			signed:   "workspaces/tokyo.yaml@IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
		},
		{
			revision: revision.Revision{Source: "codecommit", Branch: "main", Path: "workspaces/tokyo.yaml", Version: commit, Author: "An Author"},
			want:     "workspaces/tokyo.yaml@4f9c0a6e",
			signed:   "workspaces/tokyo.yaml@4f9c0a6e by An Author",
		},
		{
			revision: revision.Revision{Branch: "main", Path: "a", Version: "1"},
			want:     "a@1", signed: "a@1",
		},
	} {
		if got := test.revision.String(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
		if got := test.revision.Signed(); got != test.signed {
			t.Errorf("got %s, want %s", got, test.signed)
		}
	}
}

package cloudtrail_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscloudtrail "github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/cloudtrail"
	emulatediam "lakegate/lambda/internal/emulator/iam"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/emulator/wire/wiretest"
)

const account = "123456789012"

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// What was done to a resource is found after a while, in the region where it is
// kept: who did it, and whether it was refused.
func TestLookupEvents(t *testing.T) {
	t.Parallel()
	c := clock.NewVirtual(start)
	hub := wire.NewHub(c)
	trail, roles := cloudtrail.New(hub, account), emulatediam.New(hub, account)
	config := wiretest.Serve(t, hub, trail.Wire(), roles.Wire())
	api := iam.NewFromConfig(config("eu-west-1"))
	create := &iam.CreateRoleInput{RoleName: aws.String("hands"), AssumeRolePolicyDocument: aws.String(trust)}
	if _, err := api.CreateRole(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	if _, err := api.CreateRole(t.Context(), create); err == nil {
		t.Fatal("it was created twice")
	}
	if _, err := api.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("hands")}); err != nil {
		t.Fatal(err)
	}
	lookup := func(region, name string, limit int32) (out []string) {
		t.Helper()
		in := &awscloudtrail.LookupEventsInput{StartTime: aws.Time(start), LookupAttributes: []types.LookupAttribute{{
			AttributeKey: types.LookupAttributeKeyResourceName, AttributeValue: aws.String(name),
		}}}
		if limit > 0 {
			in.MaxResults = aws.Int32(limit)
		}
		pages := awscloudtrail.NewLookupEventsPaginator(awscloudtrail.NewFromConfig(config(region)), in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				var record struct {
					ErrorCode    string
					UserIdentity struct{ ARN string }
				}
				if err := json.Unmarshal([]byte(aws.ToString(e.CloudTrailEvent)), &record); err != nil {
					t.Fatal(err)
				}
				out = append(out, aws.ToString(e.EventName)+" "+record.ErrorCode+" "+record.UserIdentity.ARN)
			}
		}
		return out
	}
	if got := lookup("us-east-1", "hands", 0); len(got) > 0 {
		t.Errorf("at once it has %v", got)
	}
	release := c.Hold()
	if err := c.Sleep(context.Background(), cloudtrail.Delay); err != nil {
		t.Fatal(err)
	}
	release()
	who := " arn:aws:iam::123456789012:user/tester"
	want := []string{"CreateRole EntityAlreadyExists" + who, "CreateRole " + who}
	if diff := cmp.Diff(want, lookup("us-east-1", "hands", 0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, lookup("us-east-1", "hands", 1)); diff != "" {
		t.Errorf("in pages of one (-want +got):\n%s", diff)
	}
	if got := append(lookup("eu-west-1", "hands", 0), lookup("us-east-1", "others", 0)...); len(got) > 0 {
		t.Errorf("elsewhere it has %v", got)
	}
}

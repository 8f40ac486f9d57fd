package secretsmanager_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/secretsmanager"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/emulator/wire/wiretest"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type stack struct {
	hub     *wire.Hub
	service *secretsmanager.Service
	reach   func(region string) aws.Config
}

var want = wiretest.Want

func newStack(t *testing.T) (*stack, *awssm.Client) {
	t.Helper()
	k := &stack{hub: wire.NewHub(clock.NewVirtual(start))}
	k.service = secretsmanager.New(k.hub, "123456789012")
	k.reach = wiretest.Serve(t, k.hub, k.service.Wire())
	return k, k.client("eu-west-1")
}

func (k *stack) client(region string) *awssm.Client { return awssm.NewFromConfig(k.reach(region)) }

func TestSecret(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	ctx, name, token := t.Context(), aws.String("lakegate/databricks"), aws.String(strings.Repeat("1", 32))
	create := &awssm.CreateSecretInput{Name: name, SecretString: aws.String(`{"client_id":"a"}`), ClientRequestToken: token,
		Description: aws.String("for the account API"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}}
	created, err := client.CreateSecret(ctx, create)
	want(t, err, "")
	if !regexp.MustCompile(`^arn:aws:secretsmanager:eu-west-1:123456789012:secret:lakegate/databricks-[A-Za-z0-9]{6}$`).MatchString(*created.ARN) {
		t.Errorf("the ARN is %s", *created.ARN)
	}
	again, err := client.CreateSecret(ctx, create)
	want(t, err, "")
	if *again.ARN != *created.ARN || *again.VersionId != *token {
		t.Errorf("got %+v", again)
	}
	create.ClientRequestToken = nil
	_, err = client.CreateSecret(ctx, create)
	want(t, err, "ResourceExistsException")

	partial := (*created.ARN)[:len(*created.ARN)-7]
	for _, id := range []string{*name, *created.ARN, partial} {
		got, err := client.GetSecretValue(ctx, &awssm.GetSecretValueInput{SecretId: &id})
		want(t, err, "")
		if *got.SecretString != `{"client_id":"a"}` || *got.ARN != *created.ARN || !got.CreatedDate.Equal(start) || !slices.Equal(got.VersionStages, []string{"AWSCURRENT"}) {
			t.Errorf("%s: got %+v", id, got)
		}
	}
	for _, id := range []string{"none", partial + "-abcdef", "lakegate", ""} {
		_, err = client.GetSecretValue(ctx, &awssm.GetSecretValueInput{SecretId: &id})
		want(t, err, map[bool]string{true: "InvalidParameterException", false: "ResourceNotFoundException"}[id == ""])
	}
	_, err = k.client("us-east-1").GetSecretValue(ctx, &awssm.GetSecretValueInput{SecretId: name})
	want(t, err, "ResourceNotFoundException")

	second := aws.String(strings.Repeat("2", 32))
	for range 2 {
		put, err := client.PutSecretValue(ctx, &awssm.PutSecretValueInput{SecretId: name, SecretBinary: []byte{0, 1}, ClientRequestToken: second})
		want(t, err, "")
		if *put.VersionId != *second || !slices.Equal(put.VersionStages, []string{"AWSCURRENT"}) {
			t.Errorf("got %+v", put)
		}
	}
	_, err = client.PutSecretValue(ctx, &awssm.PutSecretValueInput{SecretId: name, SecretString: aws.String("x"), ClientRequestToken: second})
	want(t, err, "ResourceExistsException")
	pending := aws.String(strings.Repeat("3", 32))
	_, err = client.PutSecretValue(ctx, &awssm.PutSecretValueInput{SecretId: name, SecretString: aws.String("x"), ClientRequestToken: pending, VersionStages: []string{"AWSPENDING"}})
	want(t, err, "")

	value := func(in awssm.GetSecretValueInput) (*awssm.GetSecretValueOutput, error) {
		in.SecretId = name
		return client.GetSecretValue(ctx, &in)
	}
	got, err := value(awssm.GetSecretValueInput{})
	want(t, err, "")
	if string(got.SecretBinary) != "\x00\x01" || got.SecretString != nil || *got.VersionId != *second {
		t.Errorf("got %+v", got)
	}
	got, err = value(awssm.GetSecretValueInput{VersionStage: aws.String("AWSPREVIOUS")})
	want(t, err, "")
	if *got.VersionId != *token {
		t.Errorf("got %+v", got)
	}
	got, err = value(awssm.GetSecretValueInput{VersionId: pending})
	want(t, err, "")
	if *got.SecretString != "x" {
		t.Errorf("got %+v", got)
	}
	_, err = value(awssm.GetSecretValueInput{VersionId: pending, VersionStage: aws.String("AWSCURRENT")})
	want(t, err, "InvalidRequestException")
	_, err = value(awssm.GetSecretValueInput{VersionId: aws.String(strings.Repeat("9", 32))})
	want(t, err, "ResourceNotFoundException")
	_, err = value(awssm.GetSecretValueInput{VersionStage: aws.String("NONE")})
	want(t, err, "ResourceNotFoundException")

	described, err := client.DescribeSecret(ctx, &awssm.DescribeSecretInput{SecretId: name})
	want(t, err, "")
	stages := map[string][]string{*token: {"AWSPREVIOUS"}, *second: {"AWSCURRENT"}, *pending: {"AWSPENDING"}}
	if diff := cmp.Diff(stages, described.VersionIdsToStages); diff != "" || *described.Description != "for the account API" || *described.Tags[0].Value != "1" ||
		!described.LastAccessedDate.Equal(start.Truncate(24*time.Hour)) {
		t.Errorf("got %+v, %s", described, diff)
	}
}

func TestCreateSecretRefuses(t *testing.T) {
	t.Parallel()
	_, client := newStack(t)
	for _, c := range []struct {
		in   awssm.CreateSecretInput
		want string
	}{
		{awssm.CreateSecretInput{Name: aws.String("a b")}, "ValidationException"},
		{awssm.CreateSecretInput{SecretString: aws.String("a"), SecretBinary: []byte("b")}, "InvalidParameterException"},
		{awssm.CreateSecretInput{SecretString: aws.String("")}, "InvalidParameterException"},
		{awssm.CreateSecretInput{SecretString: aws.String(strings.Repeat("a", 65537))}, "InvalidParameterException"},
		{awssm.CreateSecretInput{ClientRequestToken: aws.String("short")}, "InvalidParameterException"},
		{awssm.CreateSecretInput{Tags: []types.Tag{{Key: aws.String("aws:a"), Value: aws.String("")}}}, "InvalidParameterException"},
		{awssm.CreateSecretInput{Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("")}, {Key: aws.String("a"), Value: aws.String("")}}}, "InvalidParameterException"},
		{awssm.CreateSecretInput{AddReplicaRegions: []types.ReplicaRegionType{{Region: aws.String("us-east-1")}}}, "SerializationException"},
	} {
		if c.in.Name == nil {
			c.in.Name = aws.String("n")
		}
		_, err := client.CreateSecret(t.Context(), &c.in)
		want(t, err, c.want)
	}
	_, err := client.CreateSecret(t.Context(), &awssm.CreateSecretInput{Name: aws.String("empty")})
	want(t, err, "")
	_, err = client.GetSecretValue(t.Context(), &awssm.GetSecretValueInput{SecretId: aws.String("empty")})
	want(t, err, "ResourceNotFoundException")
	_, err = client.RotateSecret(t.Context(), &awssm.RotateSecretInput{SecretId: aws.String("empty")})
	want(t, err, "NotImplemented")
}

func TestDeleteSecret(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	ctx, name := t.Context(), aws.String("n")
	old := k.service.Put("eu-west-1", "n", "value")
	_, err := client.DeleteSecret(ctx, &awssm.DeleteSecretInput{SecretId: name, RecoveryWindowInDays: aws.Int64(3)})
	want(t, err, "InvalidParameterException")
	_, err = client.DeleteSecret(ctx, &awssm.DeleteSecretInput{SecretId: name, RecoveryWindowInDays: aws.Int64(7), ForceDeleteWithoutRecovery: aws.Bool(true)})
	want(t, err, "InvalidParameterException")
	out, err := client.DeleteSecret(ctx, &awssm.DeleteSecretInput{SecretId: name, RecoveryWindowInDays: aws.Int64(7)})
	want(t, err, "")
	if *out.ARN != old || !out.DeletionDate.Equal(start.AddDate(0, 0, 7)) {
		t.Errorf("got %+v", out)
	}
	_, err = client.GetSecretValue(ctx, &awssm.GetSecretValueInput{SecretId: name})
	want(t, err, "InvalidRequestException")
	_, err = client.CreateSecret(ctx, &awssm.CreateSecretInput{Name: name})
	want(t, err, "InvalidRequestException")
	described, err := client.DescribeSecret(ctx, &awssm.DescribeSecretInput{SecretId: name})
	want(t, err, "")
	if !described.DeletedDate.Equal(start) {
		t.Errorf("got %+v", described)
	}
	purged := make(chan error)
	k.hub.Clock.After(7*24*time.Hour, func() {
		_, err := client.DescribeSecret(ctx, &awssm.DescribeSecretInput{SecretId: name})
		purged <- err
	})
	want(t, <-purged, "ResourceNotFoundException")
	if fresh := k.service.Put("eu-west-1", "n", "value"); fresh == old {
		t.Error("the new secret has the ARN of the old one")
	}
	for range 2 {
		_, err = client.DeleteSecret(ctx, &awssm.DeleteSecretInput{SecretId: name, ForceDeleteWithoutRecovery: aws.Bool(true)})
		want(t, err, "")
	}
	_, err = client.DeleteSecret(ctx, &awssm.DeleteSecretInput{SecretId: name})
	want(t, err, "ResourceNotFoundException")
}

func TestListSecrets(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	ctx := t.Context()
	for i := range 5 {
		_, err := client.CreateSecret(ctx, &awssm.CreateSecretInput{Name: aws.String(fmt.Sprintf("team-%d", i)), SecretString: aws.String("x"),
			Description: aws.String("secret"), Tags: []types.Tag{{Key: aws.String("lakegate:workspace"), Value: aws.String(fmt.Sprintf("team-%d", i))}}})
		want(t, err, "")
	}
	k.service.Put("eu-west-1", "other", "x")
	k.service.Put("us-east-1", "elsewhere", "x")
	_, err := client.DeleteSecret(ctx, &awssm.DeleteSecretInput{SecretId: aws.String("team-4")})
	want(t, err, "")
	filters := func(pairs ...string) *awssm.ListSecretsInput {
		in := &awssm.ListSecretsInput{MaxResults: aws.Int32(2)}
		for pair := range slices.Chunk(pairs, 2) {
			in.Filters = append(in.Filters, types.Filter{Key: types.FilterNameStringType(pair[0]), Values: []string{pair[1]}})
		}
		return in
	}
	all := filters()
	all.IncludePlannedDeletion, all.SortOrder = aws.Bool(true), "desc"
	for _, c := range []struct {
		in   *awssm.ListSecretsInput
		want []string
	}{
		{filters(), []string{"other", "team-0", "team-1", "team-2", "team-3"}},
		{all, []string{"team-4", "team-3", "team-2", "team-1", "team-0", "other"}},
		{filters("name", "team-"), []string{"team-0", "team-1", "team-2", "team-3"}},
		{filters("name", "!team-"), []string{"other"}},
		{filters("tag-key", "lakegate:workspace", "tag-value", "team-2"), []string{"team-2"}},
		{filters("description", "none"), nil},
	} {
		var got []string
		pages := awssm.NewListSecretsPaginator(client, c.in)
		for pages.HasMorePages() {
			out, err := pages.NextPage(ctx)
			want(t, err, "")
			for _, s := range out.SecretList {
				got = append(got, *s.Name)
				if len(s.SecretVersionsToStages) != 1 {
					t.Errorf("%s: got %v", *s.Name, s.SecretVersionsToStages)
				}
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%+v: %s", c.in.Filters, diff)
		}
	}
	_, err = client.ListSecrets(ctx, filters("owning-service", "x"))
	want(t, err, "NotImplemented")
	_, err = client.ListSecrets(ctx, &awssm.ListSecretsInput{NextToken: aws.String("x")})
	want(t, err, "InvalidNextTokenException")
}

func TestFreshSecretIsInvisible(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	k.hub.StaleReads(1)
	_, err := client.CreateSecret(t.Context(), &awssm.CreateSecretInput{Name: aws.String("n"), SecretString: aws.String("x")})
	want(t, err, "")
	_, err = client.GetSecretValue(t.Context(), &awssm.GetSecretValueInput{SecretId: aws.String("n")})
	want(t, err, "ResourceNotFoundException")
	_, err = client.GetSecretValue(t.Context(), &awssm.GetSecretValueInput{SecretId: aws.String("n")})
	want(t, err, "")
}

package kms_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/kms"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/emulator/wire/wiretest"
)

const (
	account = "123456789012"
	region  = "eu-west-1"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type stack struct {
	hub     *wire.Hub
	service *kms.Service
	reach   func(region string) aws.Config
}

var want = wiretest.Want

func newStack(t *testing.T) (*stack, *awskms.Client) {
	t.Helper()
	k := &stack{hub: wire.NewHub(clock.NewVirtual(start))}
	k.service = kms.New(k.hub, account)
	k.reach = wiretest.Serve(t, k.hub, k.service.Wire())
	return k, k.client(region)
}

func (k *stack) client(region string) *awskms.Client { return awskms.NewFromConfig(k.reach(region)) }

func create(t *testing.T, client *awskms.Client) *types.KeyMetadata {
	t.Helper()
	out, err := client.CreateKey(t.Context(), &awskms.CreateKeyInput{})
	want(t, err, "")
	return out.KeyMetadata
}

func allow(principal, action string) *string {
	return aws.String(fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":%s,"Action":%q,"Resource":"*"}}`, principal, action))
}

const (
	root = `{"AWS":"arn:aws:iam::123456789012:root"}`
	role = `{"AWS":["arn:aws:iam::123456789012:role/r"]}`
)

func TestKey(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	ctx := t.Context()
	created, err := client.CreateKey(ctx, &awskms.CreateKeyInput{
		Description: aws.String("of a workspace"), KeySpec: types.KeySpecSymmetricDefault, KeyUsage: types.KeyUsageTypeEncryptDecrypt,
		MultiRegion: aws.Bool(false), Tags: []types.Tag{{TagKey: aws.String("a"), TagValue: aws.String("1")}},
	})
	want(t, err, "")
	id, arn := *created.KeyMetadata.KeyId, *created.KeyMetadata.Arn
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) || arn != "arn:aws:kms:eu-west-1:123456789012:key/"+id {
		t.Errorf("got the id %s and the ARN %s", id, arn)
	}
	_, err = client.CreateAlias(ctx, &awskms.CreateAliasInput{AliasName: aws.String("alias/team"), TargetKeyId: &arn})
	want(t, err, "")
	for _, by := range []string{id, arn, "alias/team", "arn:aws:kms:eu-west-1:123456789012:alias/team"} {
		got, err := client.DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: &by})
		want(t, err, "")
		m := got.KeyMetadata
		if *m.Arn != arn || !m.Enabled || m.KeyState != types.KeyStateEnabled || *m.Description != "of a workspace" || !m.CreationDate.Equal(start) ||
			m.KeyManager != types.KeyManagerTypeCustomer || m.Origin != types.OriginTypeAwsKms || m.DeletionDate != nil {
			t.Errorf("%s: got %+v", by, m)
		}
	}
	_, err = client.TagResource(ctx, &awskms.TagResourceInput{KeyId: &id, Tags: []types.Tag{
		{TagKey: aws.String("a"), TagValue: aws.String("2")}, {TagKey: aws.String("b"), TagValue: aws.String("")}}})
	want(t, err, "")
	var tags []string
	pages := awskms.NewListResourceTagsPaginator(client, &awskms.ListResourceTagsInput{KeyId: &id, Limit: aws.Int32(1)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		want(t, err, "")
		for _, tag := range out.Tags {
			tags = append(tags, *tag.TagKey+"="+*tag.TagValue)
		}
	}
	if diff := cmp.Diff([]string{"a=2", "b="}, tags); diff != "" {
		t.Error(diff)
	}
	policy, err := client.GetKeyPolicy(ctx, &awskms.GetKeyPolicyInput{KeyId: &id, PolicyName: aws.String("default")})
	want(t, err, "")
	if !strings.Contains(*policy.Policy, "arn:aws:iam::123456789012:root") || !strings.Contains(*policy.Policy, "kms:*") || *policy.PolicyName != "default" {
		t.Errorf("got the policy %s", *policy.Policy)
	}
	fresh := allow(root, "kms:*")
	_, err = client.PutKeyPolicy(ctx, &awskms.PutKeyPolicyInput{KeyId: &arn, Policy: fresh})
	want(t, err, "")
	_, err = client.EnableKeyRotation(ctx, &awskms.EnableKeyRotationInput{KeyId: &id})
	want(t, err, "")
	expected := kms.Key{ID: id, ARN: arn, State: "Enabled", Policy: *fresh, Aliases: []string{"alias/team"}, Tags: map[string]string{"a": "2", "b": ""}, Rotation: true, Description: "of a workspace"}
	got, ok := k.service.Key(arn)
	if diff := cmp.Diff(expected, got); diff != "" || !ok {
		t.Errorf("%v %s", ok, diff)
	}
	if diff := cmp.Diff([]kms.Key{expected}, k.service.Keys(region)); diff != "" {
		t.Error(diff)
	}
	if _, ok := k.service.Key("x"); ok || k.service.Keys("us-east-1") != nil {
		t.Error("there are keys that were not created")
	}
}

func TestCreateKeyRefuses(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	tag := func(key string) types.Tag { return types.Tag{TagKey: &key, TagValue: aws.String("")} }
	var many []types.Tag
	for i := range 51 {
		many = append(many, tag(fmt.Sprint(i)))
	}
	const malformed = "MalformedPolicyDocumentException"
	for name, c := range map[string]struct {
		in   awskms.CreateKeyInput
		want string
	}{
		"signing key":        {awskms.CreateKeyInput{KeyUsage: types.KeyUsageTypeSignVerify}, "NotImplemented"},
		"asymmetric key":     {awskms.CreateKeyInput{KeySpec: types.KeySpecRsa2048}, "NotImplemented"},
		"multi-Region":       {awskms.CreateKeyInput{MultiRegion: aws.Bool(true)}, "NotImplemented"},
		"unknown member":     {awskms.CreateKeyInput{CustomKeyStoreId: aws.String("x")}, "SerializationException"},
		"long description":   {awskms.CreateKeyInput{Description: aws.String(strings.Repeat("a", 8193))}, "ValidationException"},
		"reserved tag":       {awskms.CreateKeyInput{Tags: []types.Tag{tag("aws:a")}}, "TagException"},
		"tag twice":          {awskms.CreateKeyInput{Tags: []types.Tag{tag("a"), tag("a")}}, "TagException"},
		"empty tag":          {awskms.CreateKeyInput{Tags: []types.Tag{tag("")}}, "ValidationException"},
		"many tags":          {awskms.CreateKeyInput{Tags: many}, "LimitExceededException"},
		"long policy":        {awskms.CreateKeyInput{Policy: aws.String(strings.Repeat(" ", 32769))}, "LimitExceededException"},
		"broken policy":      {awskms.CreateKeyInput{Policy: aws.String("{")}, malformed},
		"no statement":       {awskms.CreateKeyInput{Policy: aws.String("{}")}, malformed},
		"effect":             {awskms.CreateKeyInput{Policy: aws.String(`{"Statement":[{"Effect":"allow","Principal":"*","Action":"*","Resource":"*"}]}`)}, malformed},
		"no principal":       {awskms.CreateKeyInput{Policy: aws.String(`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)}, malformed},
		"principal of none":  {awskms.CreateKeyInput{Policy: allow(`"x"`, "kms:*")}, malformed},
		"no action":          {awskms.CreateKeyInput{Policy: aws.String(`{"Statement":[{"Effect":"Allow","Principal":"*","Resource":"*"}]}`)}, malformed},
		"no resource":        {awskms.CreateKeyInput{Policy: aws.String(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*"}]}`)}, malformed},
		"locked out":         {awskms.CreateKeyInput{Policy: allow(role, "kms:Decrypt")}, malformed},
		"root denied":        {awskms.CreateKeyInput{Policy: aws.String(strings.Replace(*allow(root, "kms:*"), "Allow", "Deny", 1))}, malformed},
		"other account":      {awskms.CreateKeyInput{Policy: allow(`{"AWS":"arn:aws:iam::414351767826:root"}`, "kms:Decrypt")}, malformed},
		"locked out, wanted": {awskms.CreateKeyInput{Policy: allow(role, "kms:Decrypt"), BypassPolicyLockoutSafetyCheck: true}, ""},
		"root":               {awskms.CreateKeyInput{Policy: allow(root, "kms:*")}, ""},
		"account":            {awskms.CreateKeyInput{Policy: allow(`{"AWS":"123456789012"}`, "kms:*")}, ""},
		"role":               {awskms.CreateKeyInput{Policy: allow(role, "kms:Put*")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.CreateKey(t.Context(), &c.in)
			want(t, err, c.want)
		})
	}
	if n := len(k.service.Keys(region)); n != 4 {
		t.Errorf("there are %d keys", n)
	}
	_, err := client.GenerateDataKey(t.Context(), &awskms.GenerateDataKeyInput{KeyId: aws.String("x")})
	want(t, err, "NotImplemented")
}

func TestKeyNotFound(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	ctx, m := t.Context(), create(t, client)
	_, err := client.CreateAlias(ctx, &awskms.CreateAliasInput{AliasName: aws.String("alias/a"), TargetKeyId: m.KeyId})
	want(t, err, "")
	describe := func(id string) error {
		_, err := client.DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: &id})
		return err
	}
	tags := func(id string) error {
		_, err := client.ListResourceTags(ctx, &awskms.ListResourceTagsInput{KeyId: &id})
		return err
	}
	elsewhere := strings.Replace(*m.Arn, region, "us-east-1", 1)
	for _, c := range []struct {
		of   func(string) error
		id   string
		want string
	}{
		{describe, "", "ValidationException"},
		{describe, "none", "NotFoundException"},
		{describe, "alias/none", "NotFoundException"},
		{describe, elsewhere, "NotFoundException"},
		{describe, "arn:aws:kms:us-east-1:123456789012:alias/a", "NotFoundException"},
		{describe, "arn:aws:kms:eu-west-1:210987654321:alias/a", "AccessDeniedException"},
		{describe, "arn:aws:s3:::bucket", "InvalidArnException"},
		{tags, "alias/a", "NotFoundException"},
		{tags, "arn:aws:kms:eu-west-1:123456789012:alias/a", "InvalidArnException"},
	} {
		t.Run(c.id, func(t *testing.T) { want(t, c.of(c.id), c.want) })
	}
	_, err = k.client("us-east-1").DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: m.KeyId})
	want(t, err, "NotFoundException")
	none := aws.String("none")
	for name, call := range map[string]func() error{
		"GetKeyPolicy": func() error {
			_, err := client.GetKeyPolicy(ctx, &awskms.GetKeyPolicyInput{KeyId: none})
			return err
		},
		"GetKeyPolicy by name": func() error {
			_, err := client.GetKeyPolicy(ctx, &awskms.GetKeyPolicyInput{KeyId: m.KeyId, PolicyName: none})
			return err
		},
		"PutKeyPolicy": func() error {
			_, err := client.PutKeyPolicy(ctx, &awskms.PutKeyPolicyInput{KeyId: none, Policy: allow(root, "kms:*")})
			return err
		},
		"PutKeyPolicy by name": func() error {
			_, err := client.PutKeyPolicy(ctx, &awskms.PutKeyPolicyInput{KeyId: m.KeyId, PolicyName: none, Policy: allow(root, "kms:*")})
			return err
		},
		"TagResource": func() error {
			_, err := client.TagResource(ctx, &awskms.TagResourceInput{KeyId: none, Tags: []types.Tag{}})
			return err
		},
		"CreateAlias": func() error {
			_, err := client.CreateAlias(ctx, &awskms.CreateAliasInput{AliasName: aws.String("alias/b"), TargetKeyId: none})
			return err
		},
		"ListAliases": func() error {
			_, err := client.ListAliases(ctx, &awskms.ListAliasesInput{KeyId: none})
			return err
		},
		"DeleteAlias": func() error {
			_, err := client.DeleteAlias(ctx, &awskms.DeleteAliasInput{AliasName: aws.String("alias/b")})
			return err
		},
		"EnableKeyRotation": func() error {
			_, err := client.EnableKeyRotation(ctx, &awskms.EnableKeyRotationInput{KeyId: none})
			return err
		},
		"GetKeyRotationStatus": func() error {
			_, err := client.GetKeyRotationStatus(ctx, &awskms.GetKeyRotationStatusInput{KeyId: none})
			return err
		},
		"ScheduleKeyDeletion": func() error {
			_, err := client.ScheduleKeyDeletion(ctx, &awskms.ScheduleKeyDeletionInput{KeyId: none})
			return err
		},
		"CancelKeyDeletion": func() error {
			_, err := client.CancelKeyDeletion(ctx, &awskms.CancelKeyDeletionInput{KeyId: none})
			return err
		},
		"DisableKey": func() error {
			_, err := client.DisableKey(ctx, &awskms.DisableKeyInput{KeyId: none})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { want(t, call(), "NotFoundException") })
	}
	for policy, expected := range map[*string]string{allow(role, "kms:Decrypt"): "MalformedPolicyDocumentException", none: "MalformedPolicyDocumentException", aws.String(""): "ValidationException"} {
		_, err = client.PutKeyPolicy(ctx, &awskms.PutKeyPolicyInput{KeyId: m.KeyId, Policy: policy})
		want(t, err, expected)
	}
}

func TestAliases(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	ctx, m, other := t.Context(), create(t, client), create(t, client)
	for _, c := range []struct {
		name string
		key  *string
		want string
	}{
		{"team", m.KeyId, "ValidationException"},
		{"alias/", m.KeyId, "InvalidAliasNameException"},
		{"alias/a:b", m.KeyId, "InvalidAliasNameException"},
		{"alias/a b", m.KeyId, "ValidationException"},
		{"alias/aws/s3", m.KeyId, "NotAuthorizedException"},
		{"alias/c", m.KeyId, ""},
		{"alias/a", m.Arn, ""},
		{"alias/b", other.KeyId, ""},
		{"alias/a", m.KeyId, "AlreadyExistsException"},
		{"alias/a", other.KeyId, "AlreadyExistsException"},
		{"alias/d", aws.String("alias/a"), "NotFoundException"},
	} {
		_, err := client.CreateAlias(ctx, &awskms.CreateAliasInput{AliasName: &c.name, TargetKeyId: c.key})
		want(t, err, c.want)
	}
	list := func(key *string) (names []string) {
		t.Helper()
		pages := awskms.NewListAliasesPaginator(client, &awskms.ListAliasesInput{KeyId: key, Limit: aws.Int32(1)})
		for pages.HasMorePages() {
			out, err := pages.NextPage(ctx)
			want(t, err, "")
			for _, a := range out.Aliases {
				names = append(names, *a.AliasName)
				if *a.AliasArn != "arn:aws:kms:eu-west-1:123456789012:"+*a.AliasName || !a.CreationDate.Equal(start) || key != nil && *a.TargetKeyId != *m.KeyId {
					t.Errorf("got %+v", a)
				}
			}
		}
		return names
	}
	if diff := cmp.Diff([][]string{{"alias/a", "alias/b", "alias/c"}, {"alias/a", "alias/c"}}, [][]string{list(nil), list(m.Arn)}); diff != "" {
		t.Error(diff)
	}
	// What goes between two pages hides nothing of the second.
	first, err := client.ListAliases(ctx, &awskms.ListAliasesInput{Limit: aws.Int32(1)})
	want(t, err, "")
	_, err = client.DeleteAlias(ctx, &awskms.DeleteAliasInput{AliasName: aws.String("alias/a")})
	want(t, err, "")
	second, err := client.ListAliases(ctx, &awskms.ListAliasesInput{Limit: aws.Int32(1), Marker: first.NextMarker})
	want(t, err, "")
	if *second.Aliases[0].AliasName != "alias/b" {
		t.Errorf("got %+v", second.Aliases)
	}
	if got, _ := k.service.Key(*m.Arn); !slices.Equal(got.Aliases, []string{"alias/c"}) {
		t.Errorf("got %v", got.Aliases)
	}
	_, err = client.DeleteAlias(ctx, &awskms.DeleteAliasInput{AliasName: aws.String("a")})
	want(t, err, "ValidationException")
	for i := range 50 {
		_, err = client.CreateAlias(ctx, &awskms.CreateAliasInput{AliasName: aws.String(fmt.Sprintf("alias/n%d", i)), TargetKeyId: m.KeyId})
		want(t, err, map[bool]string{true: "LimitExceededException"}[i == 49])
	}
}

func TestListKeys(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	var expected, got []string
	for range 5 {
		expected = append(expected, *create(t, client).Arn)
	}
	create(t, k.client("us-east-1"))
	slices.Sort(expected)
	pages := awskms.NewListKeysPaginator(client, &awskms.ListKeysInput{Limit: aws.Int32(2)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		want(t, err, "")
		for _, key := range out.Keys {
			got = append(got, *key.KeyArn)
		}
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Error(diff)
	}
	_, err := client.ListKeys(t.Context(), &awskms.ListKeysInput{Limit: aws.Int32(1001)})
	want(t, err, "ValidationException")
	_, err = client.ListKeys(t.Context(), &awskms.ListKeysInput{Marker: aws.String("x")})
	want(t, err, "InvalidMarkerException")
}

func TestStates(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	ctx, m := t.Context(), create(t, client)
	id := m.KeyId
	_, err := client.CreateAlias(ctx, &awskms.CreateAliasInput{AliasName: aws.String("alias/a"), TargetKeyId: id})
	want(t, err, "")
	enable := func() error {
		_, err := client.EnableKey(ctx, &awskms.EnableKeyInput{KeyId: id})
		return err
	}
	disable := func() error {
		_, err := client.DisableKey(ctx, &awskms.DisableKeyInput{KeyId: id})
		return err
	}
	rotate := func() error {
		_, err := client.EnableKeyRotation(ctx, &awskms.EnableKeyRotationInput{KeyId: id, RotationPeriodInDays: aws.Int32(90)})
		return err
	}
	cancel := func() error {
		_, err := client.CancelKeyDeletion(ctx, &awskms.CancelKeyDeletionInput{KeyId: id})
		return err
	}
	schedule := func(days int32) func() error {
		return func() error {
			_, err := client.ScheduleKeyDeletion(ctx, &awskms.ScheduleKeyDeletionInput{KeyId: id, PendingWindowInDays: &days})
			return err
		}
	}
	tag := func() error {
		_, err := client.TagResource(ctx, &awskms.TagResourceInput{KeyId: id, Tags: []types.Tag{}})
		return err
	}
	name := func() error {
		_, err := client.CreateAlias(ctx, &awskms.CreateAliasInput{AliasName: aws.String("alias/b"), TargetKeyId: id})
		return err
	}
	const invalid = "KMSInvalidStateException"
	for i, c := range []struct {
		call     func() error
		want     string
		state    string
		rotation bool
	}{
		{enable, "", "Enabled", false},
		{cancel, invalid, "Enabled", false},
		{disable, "", "Disabled", false},
		{rotate, "DisabledException", "Disabled", false},
		{tag, "", "Disabled", false},
		{enable, "", "Enabled", false},
		{rotate, "", "Enabled", true},
		{schedule(6), "ValidationException", "Enabled", true},
		{schedule(31), "ValidationException", "Enabled", true},
		{schedule(7), "", "PendingDeletion", false},
		{schedule(7), invalid, "PendingDeletion", false},
		{enable, invalid, "PendingDeletion", false},
		{disable, invalid, "PendingDeletion", false},
		{rotate, invalid, "PendingDeletion", false},
		{tag, invalid, "PendingDeletion", false},
		{name, invalid, "PendingDeletion", false},
		{cancel, "", "Disabled", true},
		{schedule(30), "", "PendingDeletion", false},
	} {
		want(t, c.call(), c.want)
		status, err := client.GetKeyRotationStatus(ctx, &awskms.GetKeyRotationStatusInput{KeyId: id})
		want(t, err, "")
		if got, _ := k.service.Key(*m.Arn); string(got.State) != c.state || status.KeyRotationEnabled != c.rotation || c.rotation && *status.RotationPeriodInDays != 90 {
			t.Errorf("%d: got the state %s and %+v", i, got.State, status)
		}
	}
	_, err = client.EnableKeyRotation(ctx, &awskms.EnableKeyRotationInput{KeyId: id, RotationPeriodInDays: aws.Int32(89)})
	want(t, err, "ValidationException")
	described, err := client.DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: id})
	want(t, err, "")
	if got := described.KeyMetadata; got.Enabled || !got.DeletionDate.Equal(start.AddDate(0, 0, 30)) {
		t.Errorf("got %+v", got)
	}
	purged := make(chan error)
	k.hub.Clock.After(30*24*time.Hour, func() {
		_, err := client.DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: aws.String("alias/a")})
		purged <- err
	})
	want(t, <-purged, "NotFoundException")
	if got := k.service.Keys(region); got != nil {
		t.Errorf("got %+v", got)
	}
	if fresh := create(t, client); *fresh.Arn == *m.Arn {
		t.Error("the new key has the ARN of the old one")
	}
}

func TestFreshKeyIsInvisible(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	k.hub.StaleReads(1)
	m := create(t, client)
	for _, expected := range []string{"NotFoundException", ""} {
		_, err := client.DescribeKey(t.Context(), &awskms.DescribeKeyInput{KeyId: m.KeyId})
		want(t, err, expected)
	}
	_, err := client.CreateAlias(t.Context(), &awskms.CreateAliasInput{AliasName: aws.String("alias/a"), TargetKeyId: m.KeyId})
	want(t, err, "")
	for _, expected := range []string{"NotFoundException", ""} {
		_, err := client.DescribeKey(t.Context(), &awskms.DescribeKeyInput{KeyId: aws.String("alias/a")})
		want(t, err, expected)
	}
}

func TestAdd(t *testing.T) {
	t.Parallel()
	k, client := newStack(t)
	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"kms:*","Resource":"*"}]}`
	for _, id := range []string{"1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-0123456789abcdef0123456789abcdef"} {
		arn := "arn:aws:kms:" + region + ":" + account + ":key/" + id
		if err := k.service.Add(arn, policy); err != nil {
			t.Fatal(err)
		}
		out, err := client.DescribeKey(t.Context(), &awskms.DescribeKeyInput{KeyId: aws.String(arn)})
		if err != nil {
			t.Fatal(err)
		}
		if m := out.KeyMetadata; *m.Arn != arn || *m.KeyId != id || !m.Enabled || *m.MultiRegion != strings.HasPrefix(id, "mrk-") {
			t.Errorf("the key is %+v", m)
		}
		if key, ok := k.service.Key(arn); !ok || key.Policy != policy || len(key.Tags) > 0 {
			t.Errorf("the key is %+v", key)
		}
		if err := k.service.Add(arn, policy); err == nil {
			t.Errorf("%s was added twice", arn)
		}
	}
	for arn, text := range map[string]string{
		"arn:aws:kms:" + region + ":210987654321:key/1234abcd-12ab-34cd-56ef-1234567890ac":    policy,
		"arn:aws:kms:" + region + ":" + account + ":key/mine":                                 policy,
		"arn:aws:kms:" + region + ":" + account + ":key/1234abcd-12ab-34cd-56ef-1234567890ad": "{}",
		"mine": policy,
	} {
		if err := k.service.Add(arn, text); err == nil {
			t.Errorf("%s was added with %s", arn, text)
		}
	}
}

package route53_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	aws53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/route53"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/emulator/wire/wiretest"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type stack struct {
	hub     *wire.Hub
	service *route53.Service
	*aws53.Client
}

var want = wiretest.Want

func newStack(t *testing.T) *stack {
	t.Helper()
	k := &stack{hub: wire.NewHub(clock.NewVirtual(start))}
	k.service = route53.New(k.hub, "123456789012")
	k.Client = aws53.NewFromConfig(wiretest.Serve(t, k.hub, k.service.Wire())("us-east-1"))
	return k
}

func vpc(id string) *types.VPC {
	return &types.VPC{VPCId: aws.String("vpc-" + id), VPCRegion: types.VPCRegionEuWest1}
}

const (
	one   = "00000001"
	two   = "00000002"
	three = "00000003"
)

// zone creates a private zone, or a public one if there is no VPC.
func (k *stack) zone(t *testing.T, name, reference, in string) *types.HostedZone {
	t.Helper()
	input := &aws53.CreateHostedZoneInput{Name: &name, CallerReference: &reference}
	if in != "" {
		input.VPC = vpc(in)
	}
	out, err := k.CreateHostedZone(t.Context(), input)
	want(t, err, "")
	return out.HostedZone
}

func bare(z *types.HostedZone) string { return strings.TrimPrefix(*z.Id, "/hostedzone/") }

func TestZone(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	created, err := k.CreateHostedZone(ctx, &aws53.CreateHostedZoneInput{
		Name: aws.String("Cloud.Databricks.com"), CallerReference: aws.String("a"), VPC: vpc(one),
		HostedZoneConfig: &types.HostedZoneConfig{Comment: aws.String("of a workspace"), PrivateZone: true},
	})
	want(t, err, "")
	z := created.HostedZone
	if !regexp.MustCompile(`^/hostedzone/Z[A-Z0-9]{20}$`).MatchString(*z.Id) || *z.Name != "cloud.databricks.com." || !z.Config.PrivateZone ||
		*z.Config.Comment != "of a workspace" || *z.ResourceRecordSetCount != 2 || *created.VPC.VPCId != "vpc-"+one ||
		!strings.HasSuffix(*created.Location, "/2013-04-01"+*z.Id) || created.DelegationSet != nil {
		t.Errorf("got %+v and %+v", created, z)
	}
	if c := created.ChangeInfo; c.Status != types.ChangeStatusPending || !c.SubmittedAt.Equal(start) {
		t.Errorf("got %+v", c)
	}
	change, err := k.GetChange(ctx, &aws53.GetChangeInput{Id: created.ChangeInfo.Id})
	want(t, err, "")
	if *change.ChangeInfo.Id != *created.ChangeInfo.Id || change.ChangeInfo.Status != types.ChangeStatusInsync {
		t.Errorf("got %+v", change.ChangeInfo)
	}
	_, err = k.AssociateVPCWithHostedZone(ctx, &aws53.AssociateVPCWithHostedZoneInput{HostedZoneId: z.Id, VPC: vpc(two), Comment: aws.String("b")})
	want(t, err, "")
	got, err := k.GetHostedZone(ctx, &aws53.GetHostedZoneInput{Id: z.Id})
	want(t, err, "")
	if diff := cmp.Diff(z, got.HostedZone, cmpopts.IgnoreUnexported(types.HostedZone{}, types.HostedZoneConfig{})); diff != "" || len(got.VPCs) != 2 || *got.VPCs[1].VPCId != "vpc-"+two {
		t.Errorf("got %+v, %s", got, diff)
	}
	_, err = k.DisassociateVPCFromHostedZone(ctx, &aws53.DisassociateVPCFromHostedZoneInput{HostedZoneId: z.Id, VPC: vpc(one)})
	want(t, err, "")
	expected := []route53.Zone{{
		ID: bare(z), Name: "cloud.databricks.com.", Private: true, VPCs: []route53.VPC{{Region: "eu-west-1", ID: "vpc-" + two}}, Tags: map[string]string{},
		Records: []route53.Record{
			{Name: "cloud.databricks.com.", Type: "NS", TTL: 172800, Values: []string{"ns-1536.awsdns-00.co.uk.", "ns-0.awsdns-00.com.", "ns-1024.awsdns-00.org.", "ns-512.awsdns-00.net."}},
			{Name: "cloud.databricks.com.", Type: "SOA", TTL: 900, Values: []string{"ns-1536.awsdns-00.co.uk. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"}},
		},
	}}
	if diff := cmp.Diff(expected, k.service.Zones(), cmpopts.IgnoreUnexported(route53.Record{})); diff != "" {
		t.Error(diff)
	}
	_, err = k.DeleteHostedZone(ctx, &aws53.DeleteHostedZoneInput{Id: z.Id})
	want(t, err, "")
	if k.service.Zones() != nil {
		t.Error("the zone is there after its deletion")
	}
	_, err = k.CreateHostedZone(ctx, &aws53.CreateHostedZoneInput{Name: z.Name, CallerReference: aws.String("a"), VPC: vpc(one)})
	want(t, err, "HostedZoneAlreadyExists")
	if again := k.zone(t, "cloud.databricks.com", "b", one); *again.Id == *z.Id {
		t.Error("the new zone has the id of the old one")
	}
}

func TestPublicZone(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx, z := t.Context(), k.zone(t, "example.com", "a", "")
	got, err := k.GetHostedZone(ctx, &aws53.GetHostedZoneInput{Id: z.Id})
	want(t, err, "")
	if got.HostedZone.Config.PrivateZone || len(got.DelegationSet.NameServers) != 4 || got.VPCs != nil {
		t.Errorf("got %+v", got)
	}
	_, err = k.AssociateVPCWithHostedZone(ctx, &aws53.AssociateVPCWithHostedZoneInput{HostedZoneId: z.Id, VPC: vpc(one)})
	want(t, err, "PublicZoneVPCAssociation")
}

func TestZoneRefuses(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx, z := t.Context(), k.zone(t, "example.com", "taken", one)
	for name, c := range map[string]struct {
		in   aws53.CreateHostedZoneInput
		want string
	}{
		"name":             {aws53.CreateHostedZoneInput{Name: aws.String("a..b")}, "InvalidDomainName"},
		"long label":       {aws53.CreateHostedZoneInput{Name: aws.String(strings.Repeat("a", 64))}, "InvalidDomainName"},
		"wildcard":         {aws53.CreateHostedZoneInput{Name: aws.String("*.b")}, "InvalidDomainName"},
		"no reference":     {aws53.CreateHostedZoneInput{CallerReference: aws.String("")}, "InvalidInput"},
		"same reference":   {aws53.CreateHostedZoneInput{CallerReference: aws.String("taken")}, "HostedZoneAlreadyExists"},
		"same name":        {aws53.CreateHostedZoneInput{Name: aws.String("example.com.")}, "ConflictingDomainExists"},
		"no VPC":           {aws53.CreateHostedZoneInput{VPC: &types.VPC{}}, "InvalidInput"},
		"VPC":              {aws53.CreateHostedZoneInput{VPC: vpc("x")}, "InvalidVPCId"},
		"long comment":     {aws53.CreateHostedZoneInput{HostedZoneConfig: &types.HostedZoneConfig{Comment: aws.String(strings.Repeat("a", 257))}}, "InvalidInput"},
		"unknown member":   {aws53.CreateHostedZoneInput{DelegationSetId: aws.String("N1")}, "InvalidInput"},
		"name as subzone":  {aws53.CreateHostedZoneInput{Name: aws.String("a.example.com")}, ""},
		"same name in VPC": {aws53.CreateHostedZoneInput{Name: aws.String("example.com"), VPC: vpc(two)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if c.in.Name == nil {
				c.in.Name = aws.String("other.com")
			}
			if c.in.CallerReference == nil {
				c.in.CallerReference = &name
			}
			if c.in.VPC == nil {
				c.in.VPC = vpc(one)
			}
			_, err := k.CreateHostedZone(ctx, &c.in)
			want(t, err, c.want)
		})
	}
	_, err := k.CreateHostedZone(ctx, &aws53.CreateHostedZoneInput{Name: z.Name, CallerReference: aws.String("n"), HostedZoneConfig: &types.HostedZoneConfig{PrivateZone: true}})
	want(t, err, "InvalidInput")

	none := aws.String("Z00000000000000000000")
	for name, c := range map[string]struct {
		call func() error
		want string
	}{
		"GetHostedZone": {func() error {
			_, err := k.GetHostedZone(ctx, &aws53.GetHostedZoneInput{Id: none})
			return err
		}, "NoSuchHostedZone"},
		"DeleteHostedZone": {func() error {
			_, err := k.DeleteHostedZone(ctx, &aws53.DeleteHostedZoneInput{Id: none})
			return err
		}, "NoSuchHostedZone"},
		"AssociateVPC": {func() error {
			_, err := k.AssociateVPCWithHostedZone(ctx, &aws53.AssociateVPCWithHostedZoneInput{HostedZoneId: none, VPC: vpc(one)})
			return err
		}, "NoSuchHostedZone"},
		"AssociateVPC again": {func() error {
			_, err := k.AssociateVPCWithHostedZone(ctx, &aws53.AssociateVPCWithHostedZoneInput{HostedZoneId: z.Id, VPC: vpc(one)})
			return err
		}, "ConflictingDomainExists"},
		"AssociateVPC of another": {func() error {
			_, err := k.AssociateVPCWithHostedZone(ctx, &aws53.AssociateVPCWithHostedZoneInput{HostedZoneId: z.Id, VPC: vpc(two)})
			return err
		}, "ConflictingDomainExists"},
		"AssociateVPC wrong": {func() error {
			_, err := k.AssociateVPCWithHostedZone(ctx, &aws53.AssociateVPCWithHostedZoneInput{HostedZoneId: z.Id, VPC: vpc("x")})
			return err
		}, "InvalidVPCId"},
		"DisassociateVPC": {func() error {
			_, err := k.DisassociateVPCFromHostedZone(ctx, &aws53.DisassociateVPCFromHostedZoneInput{HostedZoneId: none, VPC: vpc(one)})
			return err
		}, "NoSuchHostedZone"},
		"DisassociateVPC wrong": {func() error {
			_, err := k.DisassociateVPCFromHostedZone(ctx, &aws53.DisassociateVPCFromHostedZoneInput{HostedZoneId: z.Id, VPC: &types.VPC{}})
			return err
		}, "InvalidInput"},
		"DisassociateVPC not associated": {func() error {
			_, err := k.DisassociateVPCFromHostedZone(ctx, &aws53.DisassociateVPCFromHostedZoneInput{HostedZoneId: z.Id, VPC: vpc(three)})
			return err
		}, "VPCAssociationNotFound"},
		"DisassociateVPC last": {func() error {
			_, err := k.DisassociateVPCFromHostedZone(ctx, &aws53.DisassociateVPCFromHostedZoneInput{HostedZoneId: z.Id, VPC: vpc(one)})
			return err
		}, "LastVPCAssociation"},
		"ChangeTagsForResource": {func() error {
			_, err := k.ChangeTagsForResource(ctx, &aws53.ChangeTagsForResourceInput{ResourceId: none, ResourceType: "hostedzone", RemoveTagKeys: []string{"a"}})
			return err
		}, "NoSuchHostedZone"},
		"ListTagsForResource": {func() error {
			_, err := k.ListTagsForResource(ctx, &aws53.ListTagsForResourceInput{ResourceId: none, ResourceType: "hostedzone"})
			return err
		}, "NoSuchHostedZone"},
		"ListTagsForResource of a health check": {func() error {
			_, err := k.ListTagsForResource(ctx, &aws53.ListTagsForResourceInput{ResourceId: none, ResourceType: "healthcheck"})
			return err
		}, "NotImplemented"},
		"ListResourceRecordSets": {func() error {
			_, err := k.ListResourceRecordSets(ctx, &aws53.ListResourceRecordSetsInput{HostedZoneId: none})
			return err
		}, "NoSuchHostedZone"},
		"ChangeResourceRecordSets": {func() error {
			_, err := k.ChangeResourceRecordSets(ctx, &aws53.ChangeResourceRecordSetsInput{HostedZoneId: none, ChangeBatch: &types.ChangeBatch{Changes: []types.Change{}}})
			return err
		}, "NoSuchHostedZone"},
		"GetChange": {func() error {
			_, err := k.GetChange(ctx, &aws53.GetChangeInput{Id: aws.String("C1")})
			return err
		}, "NoSuchChange"},
		"ListHostedZones": {func() error {
			_, err := k.ListHostedZones(ctx, &aws53.ListHostedZonesInput{})
			return err
		}, "NotImplemented"},
	} {
		t.Run(name, func(t *testing.T) { want(t, c.call(), c.want) })
	}
}

func TestListHostedZones(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	for i, name := range []string{"example.com", "b.example.com", "a.org", "a.com"} {
		k.zone(t, name, fmt.Sprint(i), one)
	}
	k.zone(t, "example.com", "two", two)
	byName := func(in aws53.ListHostedZonesByNameInput) (names []string) {
		t.Helper()
		in.MaxItems = aws.Int32(2)
		for {
			out, err := k.ListHostedZonesByName(ctx, &in)
			want(t, err, "")
			for _, z := range out.HostedZones {
				names = append(names, *z.Name)
			}
			if !out.IsTruncated {
				return names
			}
			in.DNSName, in.HostedZoneId = out.NextDNSName, out.NextHostedZoneId
		}
	}
	if diff := cmp.Diff([]string{"a.com.", "example.com.", "example.com.", "b.example.com.", "a.org."}, byName(aws53.ListHostedZonesByNameInput{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"b.example.com.", "a.org."}, byName(aws53.ListHostedZonesByNameInput{DNSName: aws.String("b.example.com")})); diff != "" {
		t.Error(diff)
	}
	names := map[string]int{}
	in := &aws53.ListHostedZonesByVPCInput{VPCId: vpc(one).VPCId, VPCRegion: types.VPCRegionEuWest1, MaxItems: aws.Int32(3)}
	for {
		out, err := k.ListHostedZonesByVPC(ctx, in)
		want(t, err, "")
		for _, z := range out.HostedZoneSummaries {
			names[*z.Name]++
			if *z.Owner.OwningAccount != "123456789012" || !strings.HasPrefix(*z.HostedZoneId, "Z") {
				t.Errorf("got %+v", z)
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if diff := cmp.Diff(map[string]int{"example.com.": 1, "b.example.com.": 1, "a.org.": 1, "a.com.": 1}, names); diff != "" {
		t.Error(diff)
	}
	elsewhere, err := k.ListHostedZonesByVPC(ctx, &aws53.ListHostedZonesByVPCInput{VPCId: in.VPCId, VPCRegion: types.VPCRegionUsEast1})
	want(t, err, "")
	if len(elsewhere.HostedZoneSummaries) != 0 {
		t.Errorf("got %+v", elsewhere.HostedZoneSummaries)
	}
	for _, c := range []struct {
		in   aws53.ListHostedZonesByNameInput
		want string
	}{
		{aws53.ListHostedZonesByNameInput{HostedZoneId: aws.String("Z")}, "InvalidInput"},
		{aws53.ListHostedZonesByNameInput{DNSName: aws.String("a b")}, "InvalidDomainName"},
		{aws53.ListHostedZonesByNameInput{MaxItems: aws.Int32(0)}, "InvalidInput"},
	} {
		_, err := k.ListHostedZonesByName(ctx, &c.in)
		want(t, err, c.want)
	}
	for _, c := range []struct {
		id, token string
		size      int32
		want      string
	}{
		{"x", "", 1, "InvalidInput"},
		{*in.VPCId, "", 0, "InvalidInput"},
		{*in.VPCId, "!", 1, "InvalidPaginationToken"},
	} {
		_, err := k.ListHostedZonesByVPC(ctx, &aws53.ListHostedZonesByVPCInput{VPCId: &c.id, VPCRegion: "eu-west-1", NextToken: &c.token, MaxItems: &c.size})
		want(t, err, c.want)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx, z := t.Context(), k.zone(t, "example.com", "a", one)
	id := bare(z)
	tag := func(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }
	var many []types.Tag
	for i := range 11 {
		many = append(many, tag(fmt.Sprint(i), ""))
	}
	for _, c := range []struct {
		add    []types.Tag
		remove []string
		want   string
	}{
		{nil, nil, "InvalidInput"},
		{many, nil, "InvalidInput"},
		{[]types.Tag{tag("aws:a", "")}, nil, "InvalidInput"},
		{[]types.Tag{tag("", "")}, nil, "InvalidInput"},
		{[]types.Tag{tag("a", ""), tag("a", "")}, nil, "InvalidInput"},
		{[]types.Tag{tag("a", "1"), tag("b", "2"), tag("c", "")}, nil, ""},
		{[]types.Tag{tag("a", "3")}, []string{"b", "none"}, ""},
	} {
		_, err := k.ChangeTagsForResource(ctx, &aws53.ChangeTagsForResourceInput{ResourceId: &id, ResourceType: types.TagResourceTypeHostedzone, AddTags: c.add, RemoveTagKeys: c.remove})
		want(t, err, c.want)
	}
	out, err := k.ListTagsForResource(ctx, &aws53.ListTagsForResourceInput{ResourceId: &id, ResourceType: types.TagResourceTypeHostedzone})
	want(t, err, "")
	got := map[string]string{}
	for _, tag := range out.ResourceTagSet.Tags {
		got[*tag.Key] = *tag.Value
	}
	if diff := cmp.Diff(map[string]string{"a": "3", "c": ""}, got); diff != "" || *out.ResourceTagSet.ResourceId != id {
		t.Errorf("got %+v, %s", out.ResourceTagSet, diff)
	}
	if diff := cmp.Diff(got, k.service.Zones()[0].Tags); diff != "" {
		t.Error(diff)
	}
	for i := range 5 {
		var tags []types.Tag
		for j := range 10 {
			tags = append(tags, tag(fmt.Sprint(i, "-", j), ""))
		}
		_, err := k.ChangeTagsForResource(ctx, &aws53.ChangeTagsForResourceInput{ResourceId: &id, ResourceType: types.TagResourceTypeHostedzone, AddTags: tags})
		want(t, err, map[bool]string{true: "InvalidInput"}[i == 4])
	}
}

func TestFreshZoneIsInvisible(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	k.hub.StaleReads(1)
	z := k.zone(t, "example.com", "a", one)
	for _, expected := range []string{"NoSuchHostedZone", ""} {
		_, err := k.GetHostedZone(ctx, &aws53.GetHostedZoneInput{Id: z.Id})
		want(t, err, expected)
	}
	want(t, k.change(ctx, z, change("CREATE", "a.example.com", "A", "10.0.0.1")), "")
	for _, expected := range []int{2, 3} {
		out, err := k.ListResourceRecordSets(ctx, &aws53.ListResourceRecordSetsInput{HostedZoneId: z.Id})
		want(t, err, "")
		if len(out.ResourceRecordSets) != expected {
			t.Errorf("got %d records, want %d", len(out.ResourceRecordSets), expected)
		}
	}
}

func TestReserve(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	const id = "Z0123456789ABCDEFGHIJ"
	k.service.Reserve(id)
	if z := k.zone(t, "a.example.com", "a", one); bare(z) != id {
		t.Errorf("the zone is %s, want %s", bare(z), id)
	}
	if z := k.zone(t, "b.example.com", "b", one); bare(z) == id {
		t.Errorf("%s is there twice", id)
	}
}

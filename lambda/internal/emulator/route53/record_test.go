package route53_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	aws53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lakegate/lambda/internal/emulator/route53"
)

func change(action, name, kind string, values ...string) types.Change {
	set := &types.ResourceRecordSet{Name: &name, Type: types.RRType(kind), TTL: aws.Int64(60)}
	for _, value := range values {
		set.ResourceRecords = append(set.ResourceRecords, types.ResourceRecord{Value: &value})
	}
	return types.Change{Action: types.ChangeAction(action), ResourceRecordSet: set}
}

func alias(action, name, kind, zone, target string) types.Change {
	return types.Change{Action: types.ChangeAction(action), ResourceRecordSet: &types.ResourceRecordSet{
		Name: &name, Type: types.RRType(kind), AliasTarget: &types.AliasTarget{DNSName: &target, HostedZoneId: &zone, EvaluateTargetHealth: true},
	}}
}

func (k *stack) change(ctx context.Context, z *types.HostedZone, changes ...types.Change) error {
	_, err := k.ChangeResourceRecordSets(ctx, &aws53.ChangeResourceRecordSetsInput{HostedZoneId: z.Id, ChangeBatch: &types.ChangeBatch{Changes: changes, Comment: aws.String("c")}})
	return err
}

const endpoints = "Z7K1066E3PUKB"

func TestRecords(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx, z := t.Context(), k.zone(t, "example.com", "a", one)
	for _, batch := range [][]types.Change{
		{
			change("CREATE", "A.Example.com", "A", "10.0.0.1", "10.0.0.2"),
			change("UPSERT", "a.example.com.", "AAAA", "2001:db8::1"),
			change("CREATE", "*.example.com", "TXT", `"a" "b\"c"`),
			change("CREATE", "b.a.example.com", "CNAME", "target.example.org"),
			alias("CREATE", "example.com", "A", endpoints, "vpce-1.vpce-svc-1.eu-west-1.vpce.amazonaws.com"),
			alias("CREATE", "c.example.com", "A", bare(z), "a.example.com"),
		},
		// A CNAME takes the place of what else has its name.
		{
			change("CREATE", "d.example.com", "A", "10.0.0.3"),
			change("CREATE", "d.example.com", "CNAME", "a.example.com"),
			change("DELETE", "d.example.com", "A", "10.0.0.3"),
		},
		{change("UPSERT", "a.example.com", "AAAA", "2001:db8::2")},
	} {
		want(t, k.change(ctx, z, batch...), "")
	}
	expected := []route53.Record{
		{Name: "example.com.", Type: "A", AliasDNSName: "vpce-1.vpce-svc-1.eu-west-1.vpce.amazonaws.com.", AliasZoneID: endpoints},
		{Name: `\052.example.com.`, Type: "TXT", TTL: 60, Values: []string{`"a" "b\"c"`}},
		{Name: "a.example.com.", Type: "A", TTL: 60, Values: []string{"10.0.0.1", "10.0.0.2"}},
		{Name: "a.example.com.", Type: "AAAA", TTL: 60, Values: []string{"2001:db8::2"}},
		{Name: "b.a.example.com.", Type: "CNAME", TTL: 60, Values: []string{"target.example.org"}},
		{Name: "c.example.com.", Type: "A", AliasDNSName: "a.example.com.", AliasZoneID: bare(z)},
		{Name: "d.example.com.", Type: "CNAME", TTL: 60, Values: []string{"a.example.com"}},
	}
	var kept []route53.Record
	for _, r := range k.service.Zones()[0].Records {
		if r.Type != "NS" && r.Type != "SOA" {
			kept = append(kept, r)
		}
	}
	if diff := cmp.Diff(expected, kept, cmpopts.IgnoreUnexported(route53.Record{})); diff != "" {
		t.Error(diff)
	}
	list := func(in aws53.ListResourceRecordSetsInput) (out []route53.Record) {
		t.Helper()
		in.HostedZoneId, in.MaxItems = z.Id, aws.Int32(2)
		pages := aws53.NewListResourceRecordSetsPaginator(k, &in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			want(t, err, "")
			for _, set := range page.ResourceRecordSets {
				if set.Type == types.RRTypeNs || set.Type == types.RRTypeSoa {
					continue
				}
				r := route53.Record{Name: *set.Name, Type: string(set.Type), TTL: aws.ToInt64(set.TTL)}
				for _, value := range set.ResourceRecords {
					r.Values = append(r.Values, *value.Value)
				}
				if a := set.AliasTarget; a != nil {
					r.AliasDNSName, r.AliasZoneID = *a.DNSName, *a.HostedZoneId
					if !a.EvaluateTargetHealth {
						t.Errorf("got %+v", a)
					}
				}
				out = append(out, r)
			}
		}
		return out
	}
	for _, c := range []struct {
		in   aws53.ListResourceRecordSetsInput
		want []route53.Record
	}{
		{aws53.ListResourceRecordSetsInput{}, expected},
		{aws53.ListResourceRecordSetsInput{StartRecordName: aws.String("*.example.com")}, expected[1:]},
		{aws53.ListResourceRecordSetsInput{StartRecordName: aws.String("a.example.com"), StartRecordType: types.RRTypeAaaa}, expected[3:]},
	} {
		if diff := cmp.Diff(c.want, list(c.in), cmpopts.IgnoreUnexported(route53.Record{})); diff != "" {
			t.Error(diff)
		}
	}
	for _, in := range []aws53.ListResourceRecordSetsInput{
		{StartRecordType: types.RRTypeA},
		{StartRecordName: aws.String("a b")},
		{StartRecordName: aws.String("a"), StartRecordType: "X"},
		{StartRecordName: aws.String("a"), StartRecordType: "A", StartRecordIdentifier: aws.String("x")},
		{MaxItems: aws.Int32(0)},
	} {
		in.HostedZoneId = z.Id
		_, err := k.ListResourceRecordSets(ctx, &in)
		want(t, err, "InvalidInput")
	}

	_, err := k.DeleteHostedZone(ctx, &aws53.DeleteHostedZoneInput{Id: z.Id})
	want(t, err, "HostedZoneNotEmpty")
	want(t, k.change(ctx, z,
		alias("DELETE", "example.com", "A", endpoints, "VPCE-1.vpce-svc-1.eu-west-1.vpce.amazonaws.com."),
		change("DELETE", "*.example.com", "TXT", `"a" "b\"c"`),
		change("DELETE", "a.example.com", "A", "10.0.0.2", "10.0.0.1"),
		change("DELETE", "a.example.com", "AAAA", "2001:db8::2"),
		change("DELETE", "b.a.example.com", "CNAME", "target.example.org"),
		alias("DELETE", "c.example.com", "A", bare(z), "a.example.com"),
		change("DELETE", "d.example.com", "CNAME", "a.example.com"),
	), "")
	_, err = k.DeleteHostedZone(ctx, &aws53.DeleteHostedZoneInput{Id: z.Id})
	want(t, err, "")
}

func TestChangeRefuses(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx, z := t.Context(), k.zone(t, "example.com", "a", one)
	want(t, k.change(ctx, z, change("CREATE", "a.example.com", "A", "10.0.0.1"), change("CREATE", "c.example.com", "CNAME", "a.example.com")), "")
	before := k.service.Zones()
	slow := change("DELETE", "a.example.com", "A", "10.0.0.1")
	slow.ResourceRecordSet.TTL = aws.Int64(61)
	endless := change("CREATE", "b.example.com", "A", "10.0.0.1")
	endless.ResourceRecordSet.TTL = aws.Int64(1 << 31)
	timeless := change("CREATE", "b.example.com", "A", "10.0.0.1")
	timeless.ResourceRecordSet.TTL = nil
	both := alias("CREATE", "b.example.com", "A", endpoints, "x.com")
	both.ResourceRecordSet.TTL = aws.Int64(60)
	weighted := change("CREATE", "b.example.com", "A", "10.0.0.1")
	weighted.ResourceRecordSet.Weight, weighted.ResourceRecordSet.SetIdentifier = aws.Int64(1), aws.String("x")
	for name, c := range map[string]struct {
		change types.Change
		want   string
	}{
		"action":               {change("REPLACE", "b.example.com", "A", "10.0.0.1"), "InvalidInput"},
		"type":                 {change("CREATE", "b.example.com", "X", "10.0.0.1"), "InvalidInput"},
		"other type":           {change("CREATE", "b.example.com", "MX", "10 b"), "NotImplemented"},
		"no values":            {change("CREATE", "b.example.com", "A"), "InvalidInput"},
		"no TTL":               {timeless, "InvalidInput"},
		"TTL":                  {endless, "InvalidInput"},
		"alias with TTL":       {both, "InvalidInput"},
		"alias without zone":   {alias("CREATE", "b.example.com", "A", "", "x.com"), "InvalidInput"},
		"weight":               {weighted, "InvalidInput"},
		"exists":               {change("CREATE", "a.example.com", "A", "10.0.0.1"), "InvalidChangeBatch"},
		"not found":            {change("DELETE", "b.example.com", "A", "10.0.0.1"), "InvalidChangeBatch"},
		"other values":         {change("DELETE", "a.example.com", "A", "10.0.0.2"), "InvalidChangeBatch"},
		"other TTL":            {slow, "InvalidChangeBatch"},
		"own NS":               {change("DELETE", "example.com", "NS", "a"), "InvalidChangeBatch"},
		"other zone":           {change("CREATE", "a.example.org", "A", "10.0.0.1"), "InvalidChangeBatch"},
		"end of other zone":    {change("CREATE", "anexample.com", "A", "10.0.0.1"), "InvalidChangeBatch"},
		"name":                 {change("CREATE", "a..example.com", "A", "10.0.0.1"), "InvalidChangeBatch"},
		"CNAME at apex":        {change("CREATE", "example.com", "CNAME", "a.com"), "InvalidChangeBatch"},
		"CNAME beside A":       {change("CREATE", "a.example.com", "CNAME", "a.com"), "InvalidChangeBatch"},
		"A beside CNAME":       {change("UPSERT", "c.example.com", "A", "10.0.0.1"), "InvalidChangeBatch"},
		"two CNAMEs":           {change("CREATE", "b.example.com", "CNAME", "a.com", "b.com"), "InvalidChangeBatch"},
		"CNAME value":          {change("CREATE", "b.example.com", "CNAME", "a b"), "InvalidChangeBatch"},
		"A value":              {change("CREATE", "b.example.com", "A", "2001:db8::1"), "InvalidChangeBatch"},
		"AAAA value":           {change("CREATE", "b.example.com", "AAAA", "10.0.0.1"), "InvalidChangeBatch"},
		"TXT value":            {change("CREATE", "b.example.com", "TXT", "a"), "InvalidChangeBatch"},
		"value twice":          {change("CREATE", "b.example.com", "A", "10.0.0.1", "10.0.0.1"), "InvalidChangeBatch"},
		"alias name":           {alias("CREATE", "b.example.com", "A", endpoints, "a b"), "InvalidChangeBatch"},
		"alias without target": {alias("CREATE", "b.example.com", "A", bare(z), "none.example.com"), "InvalidChangeBatch"},
		"alias of other type":  {alias("CREATE", "b.example.com", "AAAA", bare(z), "a.example.com"), "InvalidChangeBatch"},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, k.change(ctx, z, change("CREATE", "good.example.com", "A", "10.0.0.9"), c.change), c.want)
		})
	}
	want(t, k.change(ctx, z, []types.Change{}...), "InvalidInput")
	var many []types.Change
	for range 1001 {
		many = append(many, change("UPSERT", "b.example.com", "A", "10.0.0.1"))
	}
	want(t, k.change(ctx, z, many...), "InvalidChangeBatch")
	err := k.change(ctx, z, change("DELETE", "x.example.com", "A", "10.0.0.1"), change("DELETE", "y.example.com", "A", "10.0.0.1"))
	refused, ok := errors.AsType[*types.InvalidChangeBatch](err)
	if !ok || len(refused.Messages) != 2 || !strings.Contains(refused.Messages[1], "y.example.com.") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, k.service.Zones(), cmpopts.IgnoreUnexported(route53.Record{})); diff != "" {
		t.Errorf("a refused batch changed the zone: %s", diff)
	}
}

package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// deleteFormerNetwork takes down what is ours and not part of the network any
// more, now that the workspace is proven to work in the present one: what refers
// to an object goes before it. It looks anew at every turn and so goes on
// wherever it was stopped.
func deleteFormerNetwork(ctx context.Context, d *Deps, doc *document.Document) (*document.RemovalWait, error) {
	if !hasFormer(doc) {
		return &document.RemovalWait{Removal: document.Removal{Outcome: skipped("there is no former network")}, Wait: d.wait(nil, true, pace{})}, nil
	}
	f, err := d.formerNetwork(ctx, doc)
	if err != nil {
		return nil, err
	}
	for _, phase := range []func(context.Context) error{
		f.configurations, f.admissions, f.rules, f.registrations, f.endpoints, f.leftovers, f.rest, f.marks,
	} {
		if err := phase(ctx); err != nil {
			return nil, err
		}
		if len(f.there) > 0 {
			break
		}
	}
	slices.Sort(f.there)
	seen := bounded(slices.Compact(f.there))
	out := d.removing(doc.FormerNetwork, len(f.there) == 0, paceVanishing, f.removed, f.left, seen)
	return out, late("DeleteFormerNetwork", out.Wait, "the former network to be gone", seen)
}

// hasFormer says whether there may be something to take down: this execution has
// seen or replaced a former network, or an earlier one did not come to its end.
func hasFormer(doc *document.Document) bool {
	made, known := doc.Network.Outcome.Outcome == document.Created, doc.DatabricksWorkspace.Outcome.Outcome != document.Created
	former := slices.Concat(doc.VPC.Former, doc.Subnets.Former, doc.SecurityGroups.Former, doc.Network.Former)
	return doc.Lease.Interrupted || made && known || len(former) > 0
}

// formerNetwork is what is taken down.
type formerNetwork struct {
	d       *Deps
	api     awsapi.EC2
	account *databricksapi.Account
	doc     *document.Document
	// before is the document with what was applied last, which tells names and ids
	// that this spec has not any more.
	before *document.Document
	// using are the ids of all that is in use.
	using []string
	// owned by kind, with what is in use.
	vpcs, subnets, groups, tables []owned
	// all are the endpoints, also those that are about to be gone.
	all []types.VpcEndpoint

	removed, there []string
	left           []document.Left
	// occupied are the VPCs that a network configuration which stays is in, and what
	// it is: whoever runs there needs endpoints and routes that it does not name.
	occupied map[string]string
}

func (d *Deps) formerNetwork(ctx context.Context, doc *document.Document) (*formerNetwork, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	before, err := d.withApplied(ctx, doc)
	if err != nil {
		return nil, err
	}
	f := &formerNetwork{d: d, api: d.AWS.EC2(doc.Spec.Region), account: account, doc: doc, before: before}
	for _, ids := range objectsOf(doc) {
		f.using = append(f.using, ids...)
	}
	for _, kind := range []struct {
		list func(context.Context, awsapi.EC2, *document.Document) ([]owned, error)
		to   *[]owned
	}{{ownedVPCs, &f.vpcs}, {ownedSubnets, &f.subnets}, {ownedGroups, &f.groups}, {ownedTables, &f.tables}} {
		if *kind.to, err = kind.list(ctx, f.api, doc); err != nil {
			return nil, err
		}
	}
	f.all, err = describeEndpoints(ctx, f.api, &ec2.DescribeVpcEndpointsInput{Filters: awsapi.AllOwnedBy(doc.Workspace)})
	if err != nil {
		return nil, fmt.Errorf("looking for VPC endpoints: %w", err)
	}
	return f, nil
}

// withApplied is a document with what was applied last, as the steps of a
// retirement have it.
func (d *Deps) withApplied(ctx context.Context, doc *document.Document) (*document.Document, error) {
	record, err := d.Records.Read(ctx, doc.Workspace)
	if err != nil {
		return nil, err
	}
	before := *doc
	before.Retirement = &document.Retirement{}
	if record.Applied != nil {
		applied, err := attempted(record.Applied)
		if err != nil {
			return nil, err
		}
		before.Retirement.Applied, before.Retirement.Objects = &applied, record.Applied.Objects
	}
	return &before, nil
}

// former are those that are not in use, and that nothing which stays needs.
func (f *formerNetwork) former(all []owned) (going []owned) {
	for _, o := range all {
		// The users' endpoint is in a VPC of theirs.
		if slices.Contains(f.using, o.id) || o.object == frontEndObject {
			continue
		}
		if what, yes := f.occupied[o.vpc]; yes {
			f.keep(document.Left{What: o.what(), Why: what + " refers to its VPC", Needs: []string{o.vpc}})
			continue
		}
		if len(o.users) > 0 {
			f.keep(document.Left{What: o.what(), Why: "workspace " + strings.Join(o.users, ", ") + " uses it", Needs: []string{o.vpc}})
			continue
		}
		if i := slices.IndexFunc(f.left, func(l document.Left) bool { return slices.Contains(l.Needs, o.id) }); i >= 0 {
			f.keep(document.Left{What: o.what(), Why: f.left[i].What + " refers to it", Needs: []string{o.vpc}})
			continue
		}
		going = append(going, o)
	}
	return going
}

func (f *formerNetwork) keep(l document.Left) {
	if !slices.ContainsFunc(f.left, func(other document.Left) bool { return other.What == l.What }) {
		f.left = append(f.left, l)
	}
}

// configurations deletes the network configurations that no workspace is in.
func (f *formerNetwork) configurations(ctx context.Context) error {
	all, err := networksOf(ctx, f.account, f.before, idsOf(f.vpcs))
	if err != nil {
		return err
	}
	left, err := f.deregister(ctx, matching(all, func(r registered) bool {
		// What others have in the VPC that stays is none of our business.
		return r.id != f.doc.Network.ID && (r.named && r.fits || !slices.Contains(r.needs, f.doc.VPC.ID))
	}))
	f.occupied = map[string]string{}
	for _, l := range left {
		for _, vpc := range l.Needs {
			f.occupied[vpc] = l.What
		}
	}
	return err
}

func (f *formerNetwork) deregister(ctx context.Context, all []registered) ([]document.Left, error) {
	did, err := deregister(ctx, all)
	if err != nil {
		return nil, err
	}
	f.removed = append(f.removed, did.Removed...)
	for _, l := range did.Kept {
		f.keep(l)
	}
	return did.Kept, nil
}

// admissions shuts out the endpoints of the former network, which were admitted
// as long as the workspace was in it.
func (f *formerNetwork) admissions(ctx context.Context) error {
	if level, _ := accessLevel(f.doc); level != endpointLevel || f.doc.Spec.PrivateLink.PrivateAccessSettings.ID != "" {
		return nil
	}
	_, err := ensurePrivateAccessSettings(ctx, f.d, f.doc)
	return err
}

// rules removes those that let former groups in or out: AWS deletes no group that
// another one names.
func (f *formerNetwork) rules(ctx context.Context) error {
	g := &grouping{api: f.api, doc: f.doc}
	going := idsOf(f.former(f.groups))
	for _, group := range []document.Object{f.doc.SecurityGroups.Workspace, f.doc.SecurityGroups.Endpoint} {
		if group.Outcome.Outcome == document.Given || len(going)+len(f.doc.SecurityGroups.Former) == 0 {
			continue
		}
		found, err := g.rules(ctx, group.ID)
		if err != nil {
			return err
		}
		surplus := map[bool][]string{}
		for _, r := range found {
			if peer := ruleOf(r).peer; slices.Contains(going, peer) || slices.Contains(f.doc.SecurityGroups.Former, peer) {
				surplus[aws.ToBool(r.IsEgress)] = append(surplus[aws.ToBool(r.IsEgress)], aws.ToString(r.SecurityGroupRuleId))
			}
		}
		if err := g.apply(ctx, group.ID, nil, surplus); err != nil {
			return err
		}
	}
	return nil
}

// registrations deletes those of endpoints that are not part of the network.
func (f *formerNetwork) registrations(ctx context.Context) error {
	all, err := registrationsOf(ctx, f.account, f.before, idsOf(f.ownedEndpoints()))
	if err != nil {
		return err
	}
	staying := slices.Clone(f.using)
	for _, e := range f.ownedEndpoints() {
		if _, yes := f.occupied[e.vpc]; yes {
			staying = append(staying, e.id)
		}
	}
	_, err = f.deregister(ctx, matching(all, func(r registered) bool { return !slices.Contains(staying, r.id) && !f.ofUsers(r.id) }))
	return err
}

// ofUsers says whether an endpoint is, or was, that of the users.
func (f *formerNetwork) ofUsers(id string) bool {
	given := ofSpecs(f.before, func(s spec.Spec) []string { return []string{frontEndOf(s).ID} })
	return slices.Contains(given, id) || slices.ContainsFunc(f.all, func(e types.VpcEndpoint) bool {
		return aws.ToString(e.VpcEndpointId) == id && awsapi.OfEC2(e.Tags)[plan.TagObject] == frontEndObject
	})
}

func (f *formerNetwork) ownedEndpoints() (all []owned) {
	for _, e := range f.all {
		if !isGone(e) {
			tags := awsapi.OfEC2(e.Tags)
			all = append(all, owned{
				kind: "VPC endpoint", id: aws.ToString(e.VpcEndpointId), vpc: aws.ToString(e.VpcId), object: tags[plan.TagObject],
				users: without(tags.Users(), []string{f.doc.Workspace}),
			})
		}
	}
	return all
}

// endpoints deletes the endpoints that are not part of the network, and waits
// until they are gone: as long as they are not, their network interfaces are in
// subnets and groups.
func (f *formerNetwork) endpoints(ctx context.Context) error {
	for _, e := range f.all {
		if stateOf(e) == "deleting" {
			f.there = append(f.there, fmt.Sprintf("VPC endpoint %s is deleting", aws.ToString(e.VpcEndpointId)))
		}
	}
	all := f.ownedEndpoints()
	going := f.former(all)
	for _, e := range f.all {
		// What stays keeps the place that it is in.
		id := aws.ToString(e.VpcEndpointId)
		if i := slices.IndexFunc(f.left, func(l document.Left) bool { return l.What == "VPC endpoint "+id }); i >= 0 {
			f.left[i].Needs = append(f.left[i].Needs, e.SubnetIds...)
			for _, g := range e.Groups {
				f.left[i].Needs = append(f.left[i].Needs, aws.ToString(g.GroupId))
			}
		}
	}
	if len(going) == 0 {
		return nil
	}
	if err := removeEndpoints(ctx, f.api, idsOf(going)); err != nil {
		return err
	}
	f.removed = append(f.removed, whats(going)...)
	for _, o := range going {
		f.there = append(f.there, o.what()+" is deleting")
	}
	return nil
}

// leftovers ends what Databricks has left in the former subnets and groups.
func (f *formerNetwork) leftovers(ctx context.Context) error {
	for _, place := range []struct {
		all             []owned
		instance, netif string
	}{{f.subnets, "subnet-id", "subnet-id"}, {f.groups, "instance.group-id", "group-id"}} {
		removed, there, err := clearPlace(ctx, f.api, idsOf(f.former(place.all)), place.instance, place.netif)
		if err != nil {
			return err
		}
		f.removed, f.there = append(f.removed, removed...), append(f.there, there...)
	}
	return nil
}

// rest deletes groups, subnets, route tables and VPCs. What is used as long as
// something else vanishes is tried again.
func (f *formerNetwork) rest(ctx context.Context) error {
	slices.SortFunc(f.groups, byObject)
	for _, kind := range []struct {
		all    []owned
		remove remover
	}{{f.groups, removeGroup(f.api)}, {f.subnets, removeSubnet(f.api)}, {f.tables, removeTable(f.api)}, {f.vpcs, removeVPC(f.api)}} {
		for _, o := range f.former(kind.all) {
			err := kind.remove(ctx, aws.String(o.id))
			switch {
			case failure.IsNotFound(err):
			case isUsed(err):
				f.there = append(f.there, o.what()+" is used by something else")
			case err != nil:
				return fmt.Errorf("deleting %s: %w", o.what(), err)
			default:
				f.removed = append(f.removed, o.what())
			}
		}
	}
	return nil
}

// marks takes our mark off what was given and is not used any more.
func (f *formerNetwork) marks(ctx context.Context) error {
	given, err := f.d.givenInEC2(ctx, f.doc)
	if err != nil {
		return err
	}
	removed, left, err := release(ctx, f.doc, matching(given, func(t tagger) bool { return !slices.Contains(f.using, t.id) }))
	if err != nil {
		return err
	}
	f.removed = append(f.removed, removed...)
	for _, l := range left {
		f.keep(l)
	}
	return nil
}

package step

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// endpointWish is what an endpoint should be.
type endpointWish struct {
	// object is the value of the object tag, path where the spec speaks of it.
	object, path string
	id, name     string
	// vpc that it belongs into; an endpoint that is given may be in any, if this
	// is empty.
	vpc string
	// services are the names under which the service may be offered.
	services []string
	// servicePath is where the spec can override the name.
	servicePath string
	kind        types.VpcEndpointType
	subnets     []string
	groups      []string
	routeTables []string
	// privateDNS is whether it is asked for at creation. Endpoints to Databricks
	// get theirs once their connection has been accepted.
	privateDNS bool
	// policy restricts what may pass; empty means full access.
	policy string
	// former are subnets and groups that the workspace is about to leave: the
	// endpoint stays in them as long as something may run there.
	former []string
}

// ensureEndpoint finds or creates a VPC endpoint.
func ensureEndpoint(ctx context.Context, d *Deps, doc *document.Document, want endpointWish) (*document.Endpoint, error) {
	api := d.AWS.EC2(doc.Spec.Region)
	if want.id != "" {
		return givenEndpoint(ctx, api, doc, want)
	}
	this := thing[types.VpcEndpoint]{
		kind: "VPC endpoint", object: want.object, name: want.name, path: want.path,
		label: func(e types.VpcEndpoint) (string, string, awsapi.Tags) {
			tags := awsapi.OfEC2(e.Tags)
			return aws.ToString(e.VpcEndpointId), tags["Name"], tags
		},
	}
	var gone []string
	found, created, err := ensure(ctx, "VPC endpoint "+want.name,
		func(ctx context.Context) ([]types.VpcEndpoint, error) {
			all, err := describeEndpoints(ctx, api, &ec2.DescribeVpcEndpointsInput{
				Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{want.vpc}}},
			})
			if err != nil {
				return nil, err
			}
			gone = nil
			return this.among(doc, slices.DeleteFunc(all, func(e types.VpcEndpoint) bool {
				if !isGone(e) {
					return false
				}
				if tags := awsapi.OfEC2(e.Tags); tags.IsOwnedBy(doc.Workspace) && tags[plan.TagObject] == want.object {
					gone = append(gone, aws.ToString(e.VpcEndpointId))
				}
				return true
			}))
		},
		func(e types.VpcEndpoint) string { return aws.ToString(e.VpcEndpointId) },
		func(ctx context.Context) (types.VpcEndpoint, error) { return createEndpoint(ctx, api, doc, want, gone) })
	if err != nil {
		return nil, err
	}
	out := describeEndpoint(found)
	if created {
		out.Outcome = document.Outcome{Outcome: document.Created}
		return out, nil
	}
	if err := badEndpoint(found); err != nil {
		return nil, err
	}
	if !slices.Contains(want.services, out.Service) {
		return nil, differs(entity{"VPC endpoint", out.ID}, "service", out.Service, strings.Join(want.services, " or "), want.servicePath)
	}
	if found.VpcEndpointType != want.kind {
		return nil, differs(entity{"VPC endpoint", out.ID}, "type", string(found.VpcEndpointType), string(want.kind), want.path+".name")
	}
	tagged, err := ec2Tagger(api, "VPC endpoint", out.ID, found.Tags).own(ctx, doc, want.object, want.name)
	if err != nil {
		return nil, err
	}
	out.Name = want.name
	want.former = formerPlaces(doc)
	var changes change
	if available(found) {
		// AWS changes no other; AwaitPrivateDns looks again.
		if changes, err = convergeEndpoint(ctx, api, found, want); err != nil {
			return nil, err
		}
	}
	out.Moving = len(common(found.SubnetIds, want.former)) > 0
	out.Outcome = made(false, tagged, changes)
	if want.privateDNS && !aws.ToBool(found.PrivateDnsEnabled) {
		resolves, err := turnOnPrivateDNS(ctx, api, found)
		if err != nil {
			return nil, err
		}
		out.Outcome = also(out.Outcome, resolves)
	}
	return out, nil
}

func givenEndpoint(ctx context.Context, api awsapi.EC2, doc *document.Document, want endpointWish) (*document.Endpoint, error) {
	all, err := describeEndpoints(ctx, api, &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{want.id}})
	if failure.IsNotFound(err) || err == nil && len(all) == 0 {
		return nil, missing("VPC endpoint", want.id, doc.Spec.Region, want.path+".id")
	}
	if err != nil {
		return nil, fmt.Errorf("looking for VPC endpoint %s: %w", want.id, err)
	}
	e := all[0]
	if err := badEndpoint(e); err != nil {
		return nil, err
	}
	out := describeEndpoint(e)
	if vpc := aws.ToString(e.VpcId); want.vpc != "" && vpc != want.vpc {
		return nil, unfit(entity{"VPC endpoint", out.ID}, "VPC", vpc, want.vpc, want.path+".id")
	}
	if !slices.Contains(want.services, out.Service) {
		complain := differs
		if want.servicePath == want.path+".id" {
			// The spec cannot name another service of AWS.
			complain = unfit
		}
		return nil, complain(entity{"VPC endpoint", out.ID}, "service", out.Service, strings.Join(want.services, " or "), want.servicePath)
	}
	if want.privateDNS && !aws.ToBool(e.PrivateDnsEnabled) {
		return nil, privateDNSOff(out.ID)
	}
	out.Outcome, err = ec2Tagger(api, "VPC endpoint", out.ID, e.Tags).share(ctx, doc)
	return out, err
}

func createEndpoint(ctx context.Context, api awsapi.EC2, doc *document.Document, want endpointWish, gone []string) (types.VpcEndpoint, error) {
	service, _, err := offeredService(ctx, api, want.services, doc.Spec.Region, want.servicePath)
	if err != nil {
		return types.VpcEndpoint{}, err
	}
	tags := awsapi.Owned(doc.Spec.Tags, doc.Workspace, want.object, want.name)
	in := &ec2.CreateVpcEndpointInput{
		VpcId: aws.String(want.vpc), ServiceName: aws.String(service), VpcEndpointType: want.kind,
		SubnetIds: want.subnets, SecurityGroupIds: want.groups, RouteTableIds: want.routeTables,
		TagSpecifications: tags.EC2(types.ResourceTypeVpcEndpoint),
	}
	if want.policy != "" {
		in.PolicyDocument = aws.String(want.policy)
	}
	if want.kind == types.VpcEndpointTypeInterface {
		in.PrivateDnsEnabled = aws.Bool(want.privateDNS)
	}
	for {
		// A token is good for one endpoint: after a deletion it gives back the
		// deleted one.
		in.ClientToken = aws.String(token(doc, append([]string{want.object, want.vpc}, gone...)...))
		out, err := api.CreateVpcEndpoint(ctx, in)
		if err != nil {
			return types.VpcEndpoint{}, explainPrivateDNS(ctx, api, want.vpc, service, "", err)
		}
		id := aws.ToString(out.VpcEndpoint.VpcEndpointId)
		if !isGone(*out.VpcEndpoint) || slices.Contains(gone, id) {
			return *out.VpcEndpoint, nil
		}
		gone = append(gone, id)
	}
}

// isGone says whether an endpoint is being deleted or has been.
func isGone(e types.VpcEndpoint) bool { return stateOf(e) == "deleting" || stateOf(e) == "deleted" }

// convergeEndpoint puts an endpoint of ours where the spec wants it, or nearer to
// it.
func convergeEndpoint(ctx context.Context, api awsapi.EC2, found types.VpcEndpoint, want endpointWish) (change, error) {
	in, differences := endpointChange(found, want)
	if len(differences) == 0 {
		return change{}, nil
	}
	if err := moveEndpoint(ctx, api, in); err != nil {
		return change{}, fmt.Errorf("changing VPC endpoint %s: %w", aws.ToString(found.VpcEndpointId), err)
	}
	return changing("changed its subnets, groups, route tables or policy", differences...), nil
}

// formerPlaces are the subnets and groups that the workspace is about to leave.
func formerPlaces(doc *document.Document) []string {
	return slices.Concat(doc.Subnets.Former, doc.SecurityGroups.Former)
}

// endpointChange is what takes an endpoint to where the spec wants it.
func endpointChange(found types.VpcEndpoint, want endpointWish) (in *ec2.ModifyVpcEndpointInput, differences []document.Difference) {
	var groups []string
	for _, g := range found.Groups {
		groups = append(groups, aws.ToString(g.GroupId))
	}
	in = &ec2.ModifyVpcEndpointInput{
		VpcEndpointId:          found.VpcEndpointId,
		AddSubnetIds:           without(want.subnets, found.SubnetIds),
		RemoveSubnetIds:        without(found.SubnetIds, want.subnets),
		AddSecurityGroupIds:    without(want.groups, groups),
		RemoveSecurityGroupIds: without(without(groups, want.groups), want.former),
		AddRouteTableIds:       without(want.routeTables, found.RouteTableIds),
		RemoveRouteTableIds:    without(found.RouteTableIds, want.routeTables),
	}
	if len(common(found.SubnetIds, want.former)) > 0 {
		// It is in one subnet of a zone only. Compute reaches it from other subnets
		// too, if its groups let it in.
		in.AddSubnetIds, in.RemoveSubnetIds = nil, nil
	}
	if len(want.former) > 0 {
		in.RemoveRouteTableIds = nil
	}
	this := entity{"VPC endpoint", aws.ToString(found.VpcEndpointId)}
	for _, l := range []struct {
		field           string
		found, wanted   []string
		surplus, absent []string
	}{
		{"subnets", found.SubnetIds, want.subnets, in.RemoveSubnetIds, in.AddSubnetIds},
		{"security groups", groups, want.groups, in.RemoveSecurityGroupIds, in.AddSecurityGroupIds},
		{"route tables", found.RouteTableIds, want.routeTables, in.RemoveRouteTableIds, in.AddRouteTableIds},
	} {
		if len(l.surplus)+len(l.absent) > 0 {
			differences = append(differences, this.differs(l.field, listed(l.found), listed(l.wanted)))
		}
	}
	switch found := aws.ToString(found.PolicyDocument); {
	case want.policy == "" && isRestricted(found):
		in.ResetPolicy = aws.Bool(true)
		differences = append(differences, this.differsInPolicy("policy", found, "full access"))
	case want.policy != "" && !sameJSON(found, want.policy):
		in.PolicyDocument = aws.String(want.policy)
		differences = append(differences, this.differsInPolicy("policy", found, want.policy))
	}
	return in, differences
}

// moveEndpoint changes the subnets of an endpoint. It can be in one subnet of a
// zone only; where AWS does not let one take the place of another at once, they
// change one by one, so that there is a way through the endpoint meanwhile.
// https://docs.aws.amazon.com/vpc/latest/privatelink/interface-endpoints.html
func moveEndpoint(ctx context.Context, api awsapi.EC2, in *ec2.ModifyVpcEndpointInput) error {
	const taken = "DuplicateSubnetsInSameZone"
	_, err := api.ModifyVpcEndpoint(ctx, in)
	if failure.Code(err) != taken || len(in.RemoveSubnetIds) == 0 {
		return err
	}
	for _, subnet := range in.AddSubnetIds {
		_, err := api.ModifyVpcEndpoint(ctx, &ec2.ModifyVpcEndpointInput{VpcEndpointId: in.VpcEndpointId, AddSubnetIds: []string{subnet}})
		if failure.Code(err) != taken {
			return err
		}
	}
	_, err = api.ModifyVpcEndpoint(ctx, &ec2.ModifyVpcEndpointInput{VpcEndpointId: in.VpcEndpointId, RemoveSubnetIds: in.RemoveSubnetIds[:1]})
	return err
}

// isRestricted says whether a policy is another one than the full access that
// AWS gives an endpoint without one.
func isRestricted(policy string) bool {
	var p struct {
		Statement []struct {
			Effect                      string
			Principal, Action, Resource any
			Condition                   map[string]any
		}
	}
	if policy == "" || json.Unmarshal([]byte(policy), &p) != nil || len(p.Statement) != 1 {
		return policy != ""
	}
	s := p.Statement[0]
	return s.Effect != "Allow" || s.Principal != "*" || s.Action != "*" || s.Resource != "*" || len(s.Condition) > 0
}

// without returns what is in a but not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// privateDNSOff is the Conflict of an endpoint of the author's.
func privateDNSOff(id string) error {
	return failure.New(plan.Conflict,
		fmt.Sprintf("Turn them on (aws ec2 modify-vpc-endpoint --vpc-endpoint-id %s --private-dns-enabled), then redrive the execution.", id),
		"checking VPC endpoint %s: its private DNS names are off", id)
}

func turnOnPrivateDNS(ctx context.Context, api awsapi.EC2, e types.VpcEndpoint) (change, error) {
	id := aws.ToString(e.VpcEndpointId)
	if _, err := api.ModifyVpcEndpoint(ctx, &ec2.ModifyVpcEndpointInput{
		VpcEndpointId: e.VpcEndpointId, PrivateDnsEnabled: aws.Bool(true),
	}); err != nil {
		return change{}, fmt.Errorf("turning on private DNS names of VPC endpoint %s: %w", id,
			explainPrivateDNS(ctx, api, aws.ToString(e.VpcId), aws.ToString(e.ServiceName), id, err))
	}
	return changing("turned on private DNS names", entity{"VPC endpoint", id}.differs("private DNS names", "off", "on")), nil
}

// explainPrivateDNS names the endpoint that holds the private DNS names, when
// AWS refuses to give them to another one in the same VPC.
func explainPrivateDNS(ctx context.Context, api awsapi.EC2, vpc, service, id string, err error) error {
	if failure.Code(err) != "InvalidParameter" {
		return err
	}
	others, lookErr := describeEndpoints(ctx, api, &ec2.DescribeVpcEndpointsInput{Filters: []types.Filter{
		{Name: aws.String("vpc-id"), Values: []string{vpc}},
		{Name: aws.String("service-name"), Values: []string{service}},
	}})
	if lookErr != nil {
		return fmt.Errorf("%w (and looking for the cause: %w)", err, lookErr)
	}
	for _, other := range others {
		if aws.ToBool(other.PrivateDnsEnabled) && aws.ToString(other.VpcEndpointId) != id {
			if isGone(other) {
				return failure.As(plan.NotReady, "Wait until that endpoint is gone, then redrive the execution.",
					fmt.Errorf("%s, which is being deleted, still has the private DNS names of %s in VPC %s: %w", aws.ToString(other.VpcEndpointId), service, vpc, err))
			}
			return failure.As(plan.Conflict,
				fmt.Sprintf("Give %s as the id of this endpoint in the spec, or turn its private DNS names off.", aws.ToString(other.VpcEndpointId)),
				fmt.Errorf("%s already has the private DNS names of %s in VPC %s: %w", aws.ToString(other.VpcEndpointId), service, vpc, err))
		}
	}
	return failure.As(plan.Conflict, "Correct what AWS names, then redrive the execution.", err)
}

func describeEndpoints(ctx context.Context, api awsapi.EC2, in *ec2.DescribeVpcEndpointsInput) ([]types.VpcEndpoint, error) {
	return pages(func(token *string) ([]types.VpcEndpoint, *string, error) {
		in.NextToken = token
		out, err := api.DescribeVpcEndpoints(ctx, in)
		if err != nil {
			return nil, nil, err
		}
		return out.VpcEndpoints, out.NextToken, nil
	})
}

func describeEndpoint(e types.VpcEndpoint) *document.Endpoint {
	return &document.Endpoint{
		Object:  document.Object{ID: aws.ToString(e.VpcEndpointId), Name: awsapi.OfEC2(e.Tags)["Name"]},
		VPC:     aws.ToString(e.VpcId),
		Service: aws.ToString(e.ServiceName),
		State:   string(e.State),
	}
}

// stateOf returns the state in lower case: the API answers pendingAcceptance,
// the SDK's constants say PendingAcceptance.
func stateOf(e types.VpcEndpoint) string { return strings.ToLower(string(e.State)) }

// badEndpoint refuses an endpoint that will never be available.
func badEndpoint(e types.VpcEndpoint) error {
	switch state := stateOf(e); state {
	case "rejected", "failed", "expired", "deleting", "deleted", "partial":
		id := aws.ToString(e.VpcEndpointId)
		reason := ""
		if e.LastError != nil {
			reason = fmt.Sprintf(" (%s: %s)", aws.ToString(e.LastError.Code), aws.ToString(e.LastError.Message))
		}
		return failure.New(plan.Conflict,
			fmt.Sprintf("Find out why (who owns the service?), delete the endpoint (aws ec2 delete-vpc-endpoints --vpc-endpoint-ids %s) and its registration in the Databricks account, then push the spec again: it will be made anew.", id),
			"checking VPC endpoint %s to %s: its state is %s%s", id, aws.ToString(e.ServiceName), state, reason)
	}
	return nil
}

// wishesOf are the endpoints of the network that are ours, by id.
func wishesOf(doc *document.Document) (map[string]endpointWish, error) {
	workspace, err := workspaceWish(doc)
	if err != nil {
		return nil, err
	}
	relay, err := relayWish(doc)
	if err != nil {
		return nil, err
	}
	all := map[string]endpointWish{
		doc.WorkspaceEndpoint.ID: workspace, doc.RelayEndpoint.ID: relay,
		doc.S3Endpoint.ID: s3Wish(doc), doc.STSEndpoint.ID: stsWish(doc), doc.KinesisEndpoint.ID: kinesisWish(doc),
	}
	if doc.Spec.Metastore.Glue != nil {
		all[doc.GlueEndpoint.ID] = glueWish(doc)
	}
	for id, want := range all {
		if want.id != "" {
			delete(all, id)
		}
	}
	return all, nil
}

// token is the idempotency token of a create call: the same for every attempt
// of one execution.
func token(doc *document.Document, about ...string) string {
	sum := sha256.Sum256([]byte(doc.Execution.ARN + "\x00" + strings.Join(about, "\x00")))
	return hex.EncodeToString(sum[:16])
}

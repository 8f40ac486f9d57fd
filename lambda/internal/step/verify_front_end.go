package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/databricks/databricks-sdk-go/httpclient"
	"github.com/databricks/databricks-sdk-go/service/iam"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// verifyFrontEnd checks the way of the users: endpoint, registration, private
// access settings and names. Where the spec closes the workspace to the public
// network it also tries to get in from there, which must fail; that it fails for
// this reason is shown by VerifyWorkspace, which gets in with the same service
// principal through the endpoint.
func verifyFrontEnd(ctx context.Context, d *Deps, doc *document.Document) (*document.Checks, error) {
	if doc.Spec.PrivateLink.FrontEnd == nil {
		return &document.Checks{Outcome: skipped("the spec wants no front end")}, nil
	}
	why, err := holds(doc)
	if err != nil {
		return nil, err
	}
	if why != "" {
		return &document.Checks{Outcome: skipped(why)}, nil
	}
	p := d.newProof()
	for _, look := range []func(context.Context, *document.Document, *proof) error{
		d.checkDoor, d.checkAdmission, d.checkHosts, d.checkPublic,
	} {
		if err := look(ctx, doc, p); err != nil {
			return nil, err
		}
	}
	out, err := d.conclude(ctx, doc, "VerifyFrontEnd", p)
	return &out, err
}

// checkDoor looks at the endpoint in AWS.
func (d *Deps) checkDoor(ctx context.Context, doc *document.Document, p *proof) error {
	api, id := d.AWS.EC2(doc.Spec.Region), doc.FrontEndEndpoint.ID
	found, err := describeEndpoints(ctx, api, &ec2.DescribeVpcEndpointsInput{
		Filters: []types.Filter{{Name: aws.String("vpc-endpoint-id"), Values: []string{id}}},
	})
	if err != nil {
		return fmt.Errorf("looking at VPC endpoint %s: %w", id, err)
	}
	state, groups := "it does not exist", []string{}
	for _, e := range found {
		state = "its state is " + stateOf(e)
		for _, g := range e.Groups {
			groups = append(groups, aws.ToString(g.GroupId))
		}
	}
	p.check(len(found) == 1 && available(found[0]), document.Check{
		ID: "front-end.endpoint", What: "The users' endpoint to the workspace is available", Object: id, How: "ec2 DescribeVpcEndpoints", Seen: state,
		Remedy: "Push the spec again, and the endpoint is made anew.",
	})
	if len(groups) == 0 {
		return nil
	}
	rules, err := groupRules(ctx, api, groups)
	if err != nil {
		return err
	}
	from := admittedFrom(rules, 443)
	seen := "no rule does"
	if len(from) > 0 {
		seen = "from " + strings.Join(from, ", ")
	}
	p.check(len(from) > 0, document.Check{
		ID: "front-end.group.443", What: "The groups of the users' endpoint admit TCP 443", Object: strings.Join(groups, ", "),
		How: "ec2 DescribeSecurityGroupRules", Seen: seen, Remedy: "Add ingress of TCP 443 from the networks of the users.",
	})
	return nil
}

// admittedFrom lists the peers from which rules admit a TCP port.
func admittedFrom(rules []types.SecurityGroupRule, port int32) []string {
	var peers []string
	for _, r := range rules {
		all := aws.ToString(r.IpProtocol) == "-1"
		if aws.ToBool(r.IsEgress) || !all && (aws.ToString(r.IpProtocol) != "tcp" || aws.ToInt32(r.FromPort) > port || aws.ToInt32(r.ToPort) < port) {
			continue
		}
		peer := aws.ToString(r.CidrIpv4) + aws.ToString(r.CidrIpv6) + aws.ToString(r.PrefixListId)
		if r.ReferencedGroupInfo != nil {
			peer = aws.ToString(r.ReferencedGroupInfo.GroupId)
		}
		peers = append(peers, peer)
	}
	slices.Sort(peers)
	return peers
}

// checkAdmission looks whether Databricks admits the endpoint to the workspace.
func (d *Deps) checkAdmission(ctx context.Context, doc *document.Document, p *proof) error {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return err
	}
	registration, err := account.VPCEndpoints.GetByVpcEndpointId(ctx, doc.FrontEndRegistration.ID)
	if err != nil {
		return fmt.Errorf("looking at registration %s: %w", doc.FrontEndRegistration.ID, err)
	}
	p.check(strings.EqualFold(registration.State, "available") && registration.AwsVpcEndpointId == doc.FrontEndEndpoint.ID, document.Check{
		ID: "front-end.registration", What: "The users' endpoint is registered with the Databricks account", Object: registration.VpcEndpointId,
		How: "GET /vpc-endpoints of the account API", Seen: registration.AwsVpcEndpointId + " " + registration.State,
		Remedy: "Delete the registration in the account console, then push the spec again.",
	})
	settings, err := account.PrivateAccessSettings.GetByPrivateAccessSettingsId(ctx, doc.PrivateAccessSettings.ID)
	if err != nil {
		return fmt.Errorf("looking at private access settings %s: %w", doc.PrivateAccessSettings.ID, err)
	}
	level := settings.PrivateAccessLevel
	seen := fmt.Sprintf("level %s", level)
	if level == provisioning.PrivateAccessLevelEndpoint {
		seen = "they list " + strings.Join(settings.AllowedVpcEndpointIds, ", ")
	}
	p.check(level != provisioning.PrivateAccessLevelEndpoint || slices.Contains(settings.AllowedVpcEndpointIds, registration.VpcEndpointId), document.Check{
		ID: "front-end.admitted", What: "The private access settings admit the users' endpoint", Object: settings.PrivateAccessSettingsId,
		How: "GET /private-access-settings of the account API", Seen: seen,
		Remedy: "Add registration " + registration.VpcEndpointId + " to the settings in the account console.",
	})
	p.check(settings.PublicAccessEnabled == !closed(doc), document.Check{
		ID: "front-end.public-access", What: fmt.Sprintf("Public access is %s in the private access settings", onOff(!closed(doc))),
		Object: settings.PrivateAccessSettingsId, How: "GET /private-access-settings of the account API",
		Seen:   "it is " + onOff(settings.PublicAccessEnabled),
		Remedy: "Set it in the account console to what the spec says.",
	})
	return nil
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// checkHosts looks whether the hosts of the workspace lead to the endpoint in
// the VPC of the users.
func (d *Deps) checkHosts(ctx context.Context, doc *document.Document, p *proof) error {
	to, err := doorOf(ctx, d.AWS.EC2(doc.Spec.Region), doc.FrontEndEndpoint.ID)
	if err != nil {
		return err
	}
	region, err := regionHost(doc)
	if err != nil {
		return err
	}
	api := d.AWS.Zones()
	zones, err := vpcZones(ctx, api, doc.Spec.Region, doc.FrontEndEndpoint.VPC)
	if err != nil {
		return err
	}
	for _, host := range doc.FrontEndDNS.Hosts {
		found, err := wayOf(ctx, api, zones, to, host, region)
		if err != nil {
			return err
		}
		id := "front-end.dns.workspace"
		if host != hostOf(doc) {
			id = "front-end.dns.driver"
		}
		p.check(found.leads, document.Check{
			ID: id, What: host + " leads to the users' endpoint", Object: doc.FrontEndEndpoint.VPC,
			How: "route53 ListHostedZonesByVPC and ListResourceRecordSets", Seen: found.seen,
			Remedy: "Push the spec again, and the zones of the workspace's hosts are mended; remove a zone that hides the name.",
		})
	}
	return nil
}

// checkPublic tries to get in over the public network, in which this function
// runs.
func (d *Deps) checkPublic(ctx context.Context, doc *document.Document, p *proof) error {
	if !closed(doc) {
		p.note(document.Check{
			ID: "front-end.public", What: "The workspace can also be reached over the public network", Object: doc.DatabricksWorkspace.URL,
			How: "the spec says so", Seen: "public access is on",
			Remedy: "Set spec.privateLink.privateAccessSettings.publicAccess to false to close it, or limit who gets in with IP access lists.",
		})
		return nil
	}
	w, err := d.workspace(ctx, doc)
	if err != nil {
		return err
	}
	_, err = w.Users.Me(ctx, iam.MeRequest{})
	// Refused may be the call, the sign-in before it, or by way of a redirect to
	// the login page, which the SDK reports so.
	page := errors.Is(err, httpclient.ErrHTMLContent)
	shut := page || failure.Is(err, plan.AccessDenied)
	if err != nil && !shut {
		return fmt.Errorf("trying to reach %s over the public network: %w", w.URL, err)
	}
	seen := "it let the service principal in"
	switch {
	case page:
		seen = "it led to the login page"
	case shut:
		seen = "it refused: " + failure.Code(err)
	}
	p.check(shut, document.Check{
		ID: "front-end.public", What: "The workspace is closed to the public network", Object: w.URL,
		How: "this function, which runs outside of the VPC of the users, tried to sign in", Seen: seen,
		Remedy: "Look whether the workspace has the private access settings of the spec, and whether public access is off in them; a change takes some minutes.",
	})
	return nil
}

package databricks

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/wire"
)

const nounCredentials = "Credential configuration"

// Credentials is a credential configuration: the cross-account role that
// Databricks assumes to run compute.
// https://docs.databricks.com/api/account/credentials
type Credentials struct {
	CredentialsID   string         `json:"credentials_id"`
	AccountID       string         `json:"account_id"`
	AWSCredentials  AWSCredentials `json:"aws_credentials"`
	CredentialsName string         `json:"credentials_name"`
	CreationTime    int64          `json:"creation_time"`
}

// AWSCredentials is the outer part of a role in a credential configuration.
type AWSCredentials struct {
	STSRole STSRole `json:"sts_role"`
}

// STSRole is the cross-account role.
type STSRole struct {
	RoleARN string `json:"role_arn"`
}

var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/.+$`)

func (s *Server) createCredentials(r *request) (any, error) {
	c, err := decode[Credentials](r)
	if err != nil {
		return nil, err
	}
	if err := checkName("credentials_name", c.CredentialsName); err != nil {
		return nil, err
	}
	arn := c.AWSCredentials.STSRole.RoleARN
	if !roleARN.MatchString(arn) {
		return nil, invalid("aws_credentials.sts_role.role_arn must be the ARN of an IAM role, is %q", arn)
	}
	for _, other := range s.credentials.all() {
		if other.CredentialsName == c.CredentialsName {
			// https://github.com/databricks/terraform-databricks-sra/issues/148
			return nil, invalid("%s name %s already exists in this account. Try again with a unique name.",
				nounCredentials, c.CredentialsName)
		}
	}
	if err := checkQuota(nounCredentials, len(s.credentials.ids), s.cfg.Quotas.Credentials); err != nil {
		return nil, err
	}
	if reason := s.roleFault(arn); reason != "" {
		if s.cfg.PlainTextCredentialErrors {
			return nil, &verbatim{&wire.Response{
				Status: http.StatusBadRequest,
				Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
				Body:   []byte("MALFORMED_REQUEST: " + reason),
			}}
		}
		return nil, malformed("%s", reason)
	}
	c.CredentialsID = s.newUUID("credentials", c.CredentialsName)
	c.AccountID = s.cfg.AccountID
	c.CreationTime = s.millis()
	add(s, &s.credentials, c.CredentialsID, c)
	return c, nil
}

func (s *Server) listCredentials(*request) (any, error) {
	return list(s, &s.credentials, same), nil
}

func (s *Server) getCredentials(r *request) (any, error) {
	return find(s, &s.credentials, nounCredentials, r.id())
}

func (s *Server) deleteCredentials(r *request) (any, error) {
	c, err := take(&s.credentials, nounCredentials, r.id())
	if err != nil {
		return nil, err
	}
	for id, ws := range s.workspaces.all() {
		if ws.CredentialsID == c.CredentialsID {
			return nil, inUse("Credentials", id)
		}
	}
	s.credentials.remove(c.CredentialsID)
	return c, nil
}

// inUse is the refusal to delete what a workspace needs.
func inUse(noun, workspaceID string) error {
	return invalidState("Unable to delete, %s is being used by active workspace %s", noun, workspaceID)
}

// roleFault says in the words of the service why Databricks cannot work with a
// role; empty if it can. A change of the role counts only once it has spread
// through IAM.
// https://github.com/databricks/terraform-provider-databricks/issues/1363
func (s *Server) roleFault(arn string) string {
	const (
		failed  = "Failed credential validation checks: "
		unknown = failed + "please use a valid cross account IAM role with permissions setup correctly"
	)
	role, ok := s.cfg.AWS.Role(arn)
	if !ok || !s.trusts(role) {
		return unknown
	}
	seen := role.Changed.Add(s.delays.Draw(latency.IAMPropagation, role.Name))
	if s.hub.Clock.Now().Before(seen) {
		return unknown
	}
	var policies []statement
	for _, document := range role.Policies {
		policies = append(policies, statementsOf(document)...)
	}
	var lacking []string
	for _, action := range crossAccountActions {
		if !grants(policies, action) {
			lacking = append(lacking, checkLabel(action))
		}
	}
	if len(lacking) > 0 {
		return failed + strings.Join(lacking, ", ")
	}
	return ""
}

// trusts says whether Databricks, and nobody in the name of another account of
// Databricks, can assume the role.
func (s *Server) trusts(role Role) bool {
	assume := access{
		principal: "arn:aws:iam::" + databricksAWSAccount + ":root",
		action:    "sts:AssumeRole",
		context:   map[string]string{"sts:ExternalId": s.cfg.AccountID},
	}
	stranger := assume
	stranger.context = map[string]string{"sts:ExternalId": "00000000-0000-0000-0000-000000000000"}
	return allowed(role.Trust, assume) && !allowed(role.Trust, stranger)
}

var words = regexp.MustCompile(`[A-Z][a-z]*`)

// checkLabel is how the service names the check of an action.
func checkLabel(action string) string {
	if action == "ec2:CancelSpotInstanceRequests" {
		return "Spot Cancellation"
	}
	_, name, _ := strings.Cut(action, ":")
	return strings.Join(words.FindAllString(name, -1), " ")
}

// CrossAccountActions are what the permissions of a cross-account role have to
// allow.
func CrossAccountActions() []string { return slices.Clone(crossAccountActions) }

// crossAccountActions are what a role for a customer-managed VPC needs.
// https://docs.databricks.com/aws/en/admin/account-settings-e2/credentials
var crossAccountActions = []string{
	"ec2:AssignPrivateIpAddresses", "ec2:AssociateIamInstanceProfile", "ec2:AttachVolume",
	"ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress", "ec2:CancelSpotInstanceRequests",
	"ec2:CreateFleet", "ec2:CreateLaunchTemplate", "ec2:CreateLaunchTemplateVersion", "ec2:CreateTags",
	"ec2:CreateVolume", "ec2:DeleteFleets", "ec2:DeleteLaunchTemplate", "ec2:DeleteLaunchTemplateVersions",
	"ec2:DeleteTags", "ec2:DeleteVolume", "ec2:DescribeAvailabilityZones", "ec2:DescribeFleetHistory",
	"ec2:DescribeFleetInstances", "ec2:DescribeFleets", "ec2:DescribeIamInstanceProfileAssociations",
	"ec2:DescribeInstanceStatus", "ec2:DescribeInstances", "ec2:DescribeInternetGateways",
	"ec2:DescribeLaunchTemplateVersions", "ec2:DescribeLaunchTemplates", "ec2:DescribeNatGateways",
	"ec2:DescribeNetworkAcls", "ec2:DescribePrefixLists", "ec2:DescribeReservedInstancesOfferings",
	"ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSpotInstanceRequests",
	"ec2:DescribeSpotPriceHistory", "ec2:DescribeSubnets", "ec2:DescribeVolumes", "ec2:DescribeVpcAttribute",
	"ec2:DescribeVpcs", "ec2:DetachVolume", "ec2:DisassociateIamInstanceProfile", "ec2:GetLaunchTemplateData",
	"ec2:GetSpotPlacementScores", "ec2:ModifyFleet", "ec2:ModifyLaunchTemplate",
	"ec2:ReplaceIamInstanceProfileAssociation", "ec2:RequestSpotInstances", "ec2:RevokeSecurityGroupEgress",
	"ec2:RevokeSecurityGroupIngress", "ec2:RunInstances", "ec2:TerminateInstances",
}

package databricks

import (
	"slices"
	"strings"

	"lakegate/lambda/internal/emulator/latency"
)

// instanceProfile is an instance profile that a workspace may give to compute.
// https://docs.databricks.com/api/workspace/instanceprofiles
type instanceProfile struct {
	ARN            string `json:"instance_profile_arn"`
	RoleARN        string `json:"iam_role_arn,omitempty"`
	IsMeta         bool   `json:"is_meta_instance_profile,omitempty"`
	SkipValidation bool   `json:"skip_validation,omitempty"`
}

func (s *Server) addInstanceProfile(r *request, ws *Workspace) (any, error) {
	p, err := decode[instanceProfile](r)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(p.ARN, ":")
	if len(parts) != 6 || !strings.HasPrefix(parts[5], "instance-profile/") {
		return nil, invalid("The instance profile ARN %s is not valid", p.ARN)
	}
	if slices.ContainsFunc(ws.profiles, func(q instanceProfile) bool { return q.ARN == p.ARN }) {
		return nil, refusal(409, "RESOURCE_ALREADY_EXISTS", "The instance profile %s has already been added", p.ARN)
	}
	if !p.SkipValidation {
		if err := s.dryRun(ws, p); err != nil {
			return nil, err
		}
	}
	p.SkipValidation = false
	ws.profiles = append(ws.profiles, *p)
	s.hub.Created(ws.id() + "/" + p.ARN)
	return struct{}{}, nil
}

// dryRun asks AWS whether an instance with the profile could be started.
func (s *Server) dryRun(ws *Workspace, p *instanceProfile) error {
	const failed = "Verification of the instance profile failed. AWS error: "
	found, ok := s.cfg.AWS.InstanceProfile(p.ARN)
	propagation := s.delays.Draw(latency.IAMPropagation, p.ARN)
	if !ok || found.Role == "" || s.hub.Clock.Now().Sub(found.Changed) < propagation {
		return refusal(400, "DRY_RUN_FAILED", failed+"Value (%s) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN", p.ARN)
	}
	role, ok := s.cfg.AWS.Role(found.Role)
	cross, exists := s.cfg.AWS.Role(s.credentials.byID[ws.CredentialsID].AWSCredentials.STSRole.RoleARN)
	switch {
	case !exists || !permits(cross.Policies, "iam:PassRole", found.Role):
		return refusal(400, "DRY_RUN_FAILED", failed+"You are not authorized to perform this operation. Encoded authorization failure message: 5Jx0pQ")
	case !ok || !strings.Contains(role.Trust, "ec2.amazonaws.com"):
		return refusal(400, "DRY_RUN_FAILED", failed+"The role %s is not trusted by ec2.amazonaws.com", found.Role)
	case p.RoleARN == "" && role.Name != found.Name:
		return refusal(400, "DRY_RUN_FAILED", failed+"The role of %s has another name than the profile", p.ARN)
	}
	return nil
}

func (s *Server) listInstanceProfiles(_ *request, ws *Workspace) (any, error) {
	out := []instanceProfile{}
	for _, p := range ws.profiles {
		if s.hub.Visible(ws.id() + "/" + p.ARN) {
			out = append(out, p)
		}
	}
	return map[string]any{"instance_profiles": out}, nil
}

func (s *Server) removeInstanceProfile(r *request, ws *Workspace) (any, error) {
	in, err := decode[instanceProfile](r)
	if err != nil {
		return nil, err
	}
	n := len(ws.profiles)
	ws.profiles = slices.DeleteFunc(ws.profiles, func(p instanceProfile) bool { return p.ARN == in.ARN })
	if len(ws.profiles) == n {
		return nil, missing("Instance profile", in.ARN)
	}
	return struct{}{}, nil
}

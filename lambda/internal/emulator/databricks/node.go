package databricks

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/network"
	"lakegate/spec"
)

// node is the machine that compute of a workspace would get: in the first
// subnet of its network, behind its security groups.
func (s *Server) node(ws *Workspace) (network.Machine, error) {
	n, ok := s.networks.byID[ws.NetworkID]
	if !ok || len(n.SubnetIDs) == 0 {
		return network.Machine{}, fmt.Errorf("workspace %d has no network", ws.WorkspaceID)
	}
	subnet, ok := s.cfg.AWS.Subnet(s.awsAccount(ws), ws.AWSRegion, n.SubnetIDs[0])
	if !ok {
		return network.Machine{}, fmt.Errorf("subnet %s does not exist", n.SubnetIDs[0])
	}
	block, err := netip.ParsePrefix(subnet.CIDR)
	if err != nil {
		return network.Machine{}, err
	}
	address := block.Addr()
	// Far enough from the addresses that AWS keeps and endpoints get.
	for range 42 {
		address = address.Next()
	}
	return network.Machine{Region: ws.AWSRegion, Subnet: n.SubnetIDs[0], Groups: n.SecurityGroupIDs, Address: address}, nil
}

// awsAccount is the AWS account of a workspace, which is that of its role.
func (s *Server) awsAccount(ws *Workspace) string {
	return accountOf(s.credentials.byID[ws.CredentialsID].AWSCredentials.STSRole.RoleARN)
}

// host is the name under which people and compute reach a workspace.
func (w *Workspace) host() string { return w.DeploymentName + ".cloud.databricks.com" }

// driverHost is the name under which people reach what runs on the drivers of
// its clusters.
func (w *Workspace) driverHost() string { return "dbc-dp-" + w.id() + ".cloud.databricks.com" }

// Alias returns what a public name of the control plane is a CNAME of: the host
// of a workspace with PrivateLink leads to the name that endpoints take over.
func (s *Server) Alias(host string) (string, bool) {
	// It is called while a request is served, and with the lock held.
	for _, ws := range s.workspaces.all() {
		if ws.host() == host || ws.driverHost() == host {
			return privateName(ws.AWSRegion), true
		}
	}
	return "", false
}

// privateName is the name of the workspace service inside of VPCs.
func privateName(region string) string {
	r, _ := spec.LookupRegion(region)
	return r.DatabricksName + ".privatelink.cloud.databricks.com"
}

// tunnelName is the name of the relay inside of VPCs.
func tunnelName(region string) string {
	return "tunnel.privatelink." + region + ".cloud.databricks.com"
}

// Resolve returns the addresses that a machine finds for a host.
func (s *Server) Resolve(m network.Machine, host string) ([]netip.Addr, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg.Network.Resolve(m, host)
}

// reaches says whether a machine can talk to a host over TLS.
func (s *Server) reaches(m network.Machine, host string, port int) (network.Outcome, netip.Addr) {
	addresses, ok := s.cfg.Network.Resolve(m, host)
	if !ok {
		return "unresolved", netip.Addr{}
	}
	return s.cfg.Network.Connect(m, addresses[0], port, network.TLS, host), addresses[0]
}

// fault is why compute does not start: a code, who is to blame, and a message.
// https://docs.databricks.com/api/workspace/clusters/get
type fault struct{ code, kind, message string }

// bootFault looks at what a node needs in order to start, in the order in which
// it needs it; nil if all is there.
func (s *Server) bootFault(ws *Workspace, profileARN string) *fault {
	m, err := s.node(ws)
	if err != nil {
		return &fault{"CLOUD_PROVIDER_LAUNCH_FAILURE", "CLOUD_FAILURE", err.Error()}
	}
	if f := s.passFault(ws, profileARN); f != nil {
		return f
	}
	if f := s.volumeFault(ws); f != nil {
		return f
	}
	if _, ok := s.cfg.Network.Resolve(m, ws.host()); !ok {
		return &fault{"NETWORK_CHECK_DNS_SERVER_FAILURE", "CLIENT_ERROR", "The DNS server of the VPC does not answer."}
	}
	region, _ := spec.LookupRegion(ws.AWSRegion)
	artifacts := region.ArtifactBuckets[0] + ".s3." + ws.AWSRegion + ".amazonaws.com"
	out, address := s.reaches(m, artifacts, 443)
	if out != network.Connected {
		return &fault{"NETWORK_CHECK_STORAGE_FAILURE", "CLIENT_ERROR", fmt.Sprintf("Cannot connect to %s:443: %s.", artifacts, out)}
	}
	if !s.endpointPermits(m, address, "s3:GetObject", "arn:aws:s3:::"+region.ArtifactBuckets[0]+"/runtime", databricksAWSAccount, databricksAWSAccount) {
		return &fault{"STORAGE_DOWNLOAD_FAILURE", "CLIENT_ERROR", "Access Denied when downloading the runtime from " + region.ArtifactBuckets[0] + "."}
	}
	if out, _ := s.reaches(m, ws.host(), portREST); out != network.Connected {
		return &fault{"NETWORK_CHECK_CONTROL_PLANE_FAILURE", "CLIENT_ERROR", fmt.Sprintf("Cannot connect to the control plane at %s:%d: %s.", ws.host(), portREST, out)}
	}
	tunnel := tunnelName(ws.AWSRegion)
	if out, _ := s.reaches(m, tunnel, portRelay); out != network.Connected {
		return &fault{"NPIP_TUNNEL_SETUP_FAILURE", "SERVICE_FAULT", fmt.Sprintf("The tunnel to %s:%d could not be set up: %s.", tunnel, portRelay, out)}
	}
	if n := s.networks.byID[ws.NetworkID]; s.swapped(n) || s.hub.Clock.Now().Before(ws.settled) {
		return &fault{"NPIP_TUNNEL_SETUP_FAILURE", "SERVICE_FAULT", "The relay does not know the endpoint."}
	}
	sts := "sts." + ws.AWSRegion + ".amazonaws.com"
	if out, _ := s.reaches(m, sts, 443); out != network.Connected {
		return &fault{"STS_CLIENT_SETUP_FAILURE", "CLIENT_ERROR", fmt.Sprintf("Cannot connect to %s:443: %s.", sts, out)}
	}
	return nil
}

// swapped says whether a network has the endpoint of the relay where that of
// the workspace belongs.
func (s *Server) swapped(n *Network) bool {
	if n.VPCEndpoints == nil {
		return false
	}
	for _, id := range n.VPCEndpoints.RESTAPI {
		if e, ok := s.vpcEndpoints.byID[id]; ok && e.UseCase == useCaseRelay {
			return true
		}
	}
	return false
}

// SwapEndpoints exchanges the endpoints of workspace and relay in the network
// with this name, as a mistaken request would have done.
func (s *Server) SwapEndpoints(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.networks.all() {
		if n.NetworkName == name && n.VPCEndpoints != nil {
			e := n.VPCEndpoints
			e.RESTAPI, e.DataplaneRelay = e.DataplaneRelay, e.RESTAPI
		}
	}
}

// SettlePrivateLink says how long after a workspace with this name has begun to
// run its relay knows the endpoints, in the place of a drawn time; for one that
// runs already, how long after now.
func (s *Server) SettlePrivateLink(name string, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settling[name] = after
	for _, ws := range s.workspaces.all() {
		if ws.WorkspaceName == name && ws.WorkspaceStatus == statusRunning {
			ws.settled = s.hub.Clock.Now().Add(after)
		}
	}
}

// passFault says why the cross-account role cannot give a node its profile.
func (s *Server) passFault(ws *Workspace, profileARN string) *fault {
	if profileARN == "" {
		return nil
	}
	p, ok := s.cfg.AWS.InstanceProfile(profileARN)
	if !ok || p.Role == "" {
		return &fault{"AWS_INSTANCE_PROFILE_UPDATE_FAILURE", "CLIENT_ERROR", "Value (" + profileARN + ") for parameter iamInstanceProfile.arn is invalid."}
	}
	role, ok := s.cfg.AWS.Role(s.credentials.byID[ws.CredentialsID].AWSCredentials.STSRole.RoleARN)
	if !ok || !permits(role.Policies, "iam:PassRole", p.Role) {
		return &fault{"AWS_AUTHORIZATION_FAILURE", "CLIENT_ERROR", "You are not authorized to perform iam:PassRole on " + p.Role + "."}
	}
	return nil
}

// volumeFault says why the volumes of a node cannot be encrypted.
func (s *Server) volumeFault(ws *Workspace) *fault {
	if ws.StorageKeyID == "" {
		return nil
	}
	info := s.customerManaged.byID[ws.StorageKeyID].AWSKeyInfo
	if info.ReuseKeyForClusterVolumes != nil && !*info.ReuseKeyForClusterVolumes {
		return nil
	}
	key, ok := s.cfg.AWS.Key(info.KeyARN)
	role := s.credentials.byID[ws.CredentialsID].AWSCredentials.STSRole.RoleARN
	if !ok || !key.Enabled || !allowed(key.Policy, access{
		principal: role, action: "kms:CreateGrant", resource: "*",
		context: map[string]string{"kms:ViaService": "ec2." + ws.AWSRegion + ".amazonaws.com", "kms:GrantIsForAWSResource": "true"},
	}) {
		return &fault{"AWS_INACCESSIBLE_KMS_KEY_FAILURE", "CLIENT_ERROR", "The key " + info.KeyARN + " does not let the cross-account role encrypt volumes."}
	}
	return nil
}

// permits says whether permission policies let a role use an action on a
// resource.
func permits(policies []string, action, resource string) bool {
	allow := false
	for _, p := range policies {
		for _, st := range statementsOf(p) {
			if !st.covers(action) || !st.touches(resource) {
				continue
			}
			if st.Effect == "Deny" {
				return false
			}
			allow = true
		}
	}
	return allow
}

// endpointPermits says whether the policy of the endpoint on the way to an
// address lets a request pass, by the accounts of who asks and of the resource.
func (s *Server) endpointPermits(m network.Machine, to netip.Addr, action, resource, by, owner string) bool {
	e, ok := s.cfg.Network.Endpoint(m, to)
	if !ok || e.Policy == "" {
		return true
	}
	context := map[string]string{"aws:ResourceAccount": owner}
	if by != "" {
		context["aws:PrincipalAccount"] = by
	}
	return allowed(e.Policy, access{principal: by, action: action, resource: resource, context: context})
}

// foreignBucket is a public bucket of AWS that every region has, which stands
// for all buckets that are not the workspace's.
func foreignBucket(region string) string { return "amazon-ssm-" + region }

// fetch is the status with which an address answers a request that is not
// signed.
func (s *Server) fetch(m network.Machine, host, path string, address netip.Addr) int {
	bucket, ok := strings.CutSuffix(host, ".s3."+m.Region+".amazonaws.com")
	if !ok {
		return 200
	}
	public := bucket == foreignBucket(m.Region)
	owner := databricksAWSAccount
	if public {
		owner = "amazon"
	} else if b, exists := s.cfg.AWS.Bucket(bucket); exists {
		owner = b.AccountID
	}
	if public && s.endpointPermits(m, address, "s3:GetObject", "arn:aws:s3:::"+bucket+path, "", owner) {
		return 200
	}
	// The others are closed to who does not sign.
	return 403
}

package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

func Load(file string, data []byte) (*Workspace, error) {
	w, err := Decode(file, data)
	if err != nil {
		return nil, err
	}
	w.Default()
	return w, nil
}
func CheckFileName(file, name string) error { return nil }
func Digest(w *Workspace) string {
	b, _ := json.Marshal(w)
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
func def(p *string, v string) {
	if *p == "" {
		*p = v
	}
}
func (w *Workspace) Default() {
	n := w.Metadata.Name
	s := &w.Spec
	def(&s.Databricks.WorkspaceName, n)
	def(&s.Databricks.CredentialsName, n)
	def(&s.Databricks.StorageName, n)
	def(&s.Databricks.NetworkName, n)
	def(&s.Network.VPC.Name, n+"-vpc")
	def(&s.Network.VPC.CIDR, "10.0.0.0/22")
	if len(s.Network.WorkspaceSubnets) == 0 {
		s.Network.WorkspaceSubnets = make([]Subnet, 2)
	}
	for i := range s.Network.WorkspaceSubnets {
		x := &s.Network.WorkspaceSubnets[i]
		def(&x.Name, fmt.Sprintf("%s-workspace-%d", n, i+1))
		def(&x.CIDR, fmt.Sprintf("10.0.%d.0/24", i+1))
	}
	def(&s.Network.EndpointSubnet.Name, n+"-endpoints")
	def(&s.Network.EndpointSubnet.CIDR, "10.0.3.0/24")
	def(&s.Network.EndpointRouteTable.Name, n+"-endpoints")
	g := &s.Network.SecurityGroups
	def(&g.Workspace.Name, n+"-workspace")
	def(&g.Workspace.Description, "Compute of "+n)
	def(&g.Endpoint.Name, n+"-endpoints")
	def(&g.Endpoint.Description, "Control-plane endpoints of "+n)
	if g.Workspace.Rules == nil {
		for _, d := range []string{"ingress", "egress"} {
			for _, p := range []string{"tcp", "udp"} {
				g.Workspace.Rules = append(g.Workspace.Rules, Rule{d, p, "all", "self"})
			}
		}
		for _, p := range []string{"443", "6666", "8443", "8444", "8445-8451"} {
			g.Workspace.Rules = append(g.Workspace.Rules, Rule{"egress", "tcp", p, "0.0.0.0/0"})
			g.Endpoint.Rules = append(g.Endpoint.Rules, Rule{"ingress", "tcp", p, "workspace"})
		}
	}
	def(&s.Network.Endpoints.S3.Name, n+"-s3")
	def(&s.Network.Endpoints.STS.Name, n+"-sts")
	def(&s.Network.Endpoints.Kinesis.Name, n+"-kinesis")
	def(&s.PrivateLink.WorkspaceEndpoint.Name, n+"-workspace")
	def(&s.PrivateLink.RelayEndpoint.Name, n+"-relay")
	def(&s.PrivateLink.WorkspaceEndpoint.RegistrationName, n+"-workspace")
	def(&s.PrivateLink.RelayEndpoint.RegistrationName, n+"-relay")
	def(&s.PrivateLink.PrivateAccessSettings.Name, n)
	def(&s.CrossAccountRole.Name, "lakegate-"+n+"-cross-account")
	def(&s.RootBucket.Name, "lakegate-"+n+"-root-"+s.AWS.AccountID)
}

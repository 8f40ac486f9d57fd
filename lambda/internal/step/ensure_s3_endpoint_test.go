package step_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func TestEnsureS3Endpoint(t *testing.T) {
	t.Parallel()
	testEndpoint(t, endpointCase{
		step: "EnsureS3Endpoint", object: "s3-endpoint", name: "mito-to-s3",
		given: "{name: mito-to-s3}", path: "spec.network.endpoints.s3",
		service: "com.amazonaws.ap-northeast-1.s3", kind: types.VpcEndpointTypeGateway,
		subnets: none, groups: none, tables: func(r *run) []string { return r.tables().Workspace },
	})

	// leads says to which route tables the endpoint has a route.
	leads := func(r *run, id string) map[string]bool {
		out := map[string]bool{}
		for _, table := range r.world.EC2.RouteTables(tokyoRegion) {
			for _, route := range table.Routes {
				if route.Target == id {
					out[table.ID] = true
				}
			}
		}
		return out
	}

	t.Run("on the tables of the workspace subnets only", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureS3Endpoint")
		r.does("EnsureS3Endpoint", "Created", "ec2:CreateVpcEndpoint")
		same(t, "tables", map[string]bool{r.mainTable(): true}, leads(r, r.id("EnsureS3Endpoint")))
	})

	t.Run("on every table of given subnets", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		subnet, table := r.newSubnet(r.id("EnsureVpc"), "10.0.0.0/26", "ap-northeast-1d"), r.newTable(r.id("EnsureVpc"))
		r.associate(table, subnet)
		r.revise("EnsureS3Endpoint", secondSubnet, "{id: "+subnet+"}")
		r.does("EnsureS3Endpoint", "Created", "ec2:CreateVpcEndpoint")
		same(t, "tables", map[string]bool{r.mainTable(): true, table: true}, leads(r, r.id("EnsureS3Endpoint")))
	})

	t.Run("taken off its table behind its back", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureS3Endpoint")
		r.does("EnsureS3Endpoint", "Created", "ec2:CreateVpcEndpoint")
		id, other := r.id("EnsureS3Endpoint"), r.newTable(r.id("EnsureVpc"))
		r.modify(ec2.ModifyVpcEndpointInput{
			VpcEndpointId: aws.String(id), AddRouteTableIds: []string{other}, RemoveRouteTableIds: []string{r.mainTable()},
		})
		r.does("EnsureS3Endpoint", "Updated", "ec2:ModifyVpcEndpoint")
		same(t, "tables", map[string]bool{r.mainTable(): true}, leads(r, id))
	})
}

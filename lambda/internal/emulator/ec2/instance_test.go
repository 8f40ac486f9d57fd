package ec2_test

import (
	"testing"
	"time"

	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/emulator/ec2"
)

// An instance keeps its subnet and its groups from being deleted until it is
// gone, and an interface that it leaves behind until that is deleted.
func TestInstanceHoldsSubnet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/16")
	subnet := w.subnet(vpc, "10.0.1.0/24", "a")
	group := w.group(vpc, "compute")
	vendor := map[string]string{"Vendor": "Databricks"}
	id, err := w.service.Launch(tokyo, subnet, []string{group}, vendor)
	if err != nil {
		t.Fatal(err)
	}
	eni, err := w.service.Abandon(tokyo, subnet, "databricks_netif", []string{group}, vendor)
	if err != nil {
		t.Fatal(err)
	}
	held := func() {
		t.Helper()
		_, err := w.DeleteSubnet(t.Context(), &awsec2.DeleteSubnetInput{SubnetId: &subnet})
		wantCode(t, err, "DependencyViolation")
		_, err = w.DeleteSecurityGroup(t.Context(), &awsec2.DeleteSecurityGroupInput{GroupId: &group})
		wantCode(t, err, "DependencyViolation")
	}
	held()
	must[*awsec2.DeleteNetworkInterfaceOutput](t)(w.DeleteNetworkInterface(t.Context(), &awsec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: &eni}))
	held()
	out := must[*awsec2.TerminateInstancesOutput](t)(w.TerminateInstances(t.Context(), &awsec2.TerminateInstancesInput{InstanceIds: []string{id}}))
	if got := out.TerminatingInstances[0].CurrentState.Name; got != types.InstanceStateNameShuttingDown {
		t.Errorf("it is %s", got)
	}
	held()
	w.pass(time.Minute)
	if got := w.service.Instances(tokyo); len(got) != 1 || got[0].State != ec2.InstanceTerminated {
		t.Errorf("it is %+v", got)
	}
	must[*awsec2.DeleteSubnetOutput](t)(w.DeleteSubnet(t.Context(), &awsec2.DeleteSubnetInput{SubnetId: &subnet}))
	must[*awsec2.DeleteSecurityGroupOutput](t)(w.DeleteSecurityGroup(t.Context(), &awsec2.DeleteSecurityGroupInput{GroupId: &group}))
}

import { GatewayVpcEndpointAwsService, SecurityGroup, Subnet, Vpc } from 'aws-cdk-lib/aws-ec2';
import { CfnVPCEndpoint } from 'aws-cdk-lib/aws-ec2';
import type { FunctionOptions } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { Settings } from './settings.ts';

/**
 * Where functions run: nowhere in particular, or in the subnets that the settings name. The gateway endpoint keeps the traffic to S3,
 * which is all the data, away from a NAT gateway.
 */
export function networkOf(
  scope: Construct,
  network: Settings['network'],
): Pick<FunctionOptions, 'vpc' | 'vpcSubnets' | 'securityGroups'> {
  if (network === null) return {};
  const { vpcId, subnetIds, securityGroupIds, routeTableIds = [] } = network;
  if (routeTableIds.length > 0) {
    new CfnVPCEndpoint(scope, 'S3Endpoint', {
      vpcId,
      routeTableIds,
      serviceName: GatewayVpcEndpointAwsService.S3.name,
      vpcEndpointType: 'Gateway',
    });
  }
  return {
    vpc: Vpc.fromVpcAttributes(scope, 'Vpc', { vpcId, availabilityZones: ['any'] }),
    vpcSubnets: {
      subnets: subnetIds.map((id) => Subnet.fromSubnetId(scope, `Subnet-${id}`, id)),
    },
    securityGroups: securityGroupIds.map((id) =>
      SecurityGroup.fromSecurityGroupId(scope, `SecurityGroup-${id}`, id, { mutable: false }),
    ),
  };
}

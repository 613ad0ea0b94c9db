export interface Network {
  readonly id: string;
  readonly name: string;
  readonly status: string | null;
  readonly shared: boolean;
  readonly external: boolean;
  /** By Neutron's default policy only this project may choose addresses on it, whoever shares it. */
  readonly projectId: string | null;
  readonly subnetIds: readonly string[];
}

export interface Subnet {
  readonly id: string;
  /** `10.0.0.0/24`, `2001:db8::/64`. */
  readonly cidr: string;
}

export interface SecurityGroup {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly projectId: string | null;
}

export interface Port {
  readonly id: string;
  readonly name: string | null;
  readonly networkId: string;
  readonly macAddress: string;
  readonly fixedIps: readonly FixedIp[];
  readonly securityGroupIds: readonly string[];
  /** Id of the server, router, … that has the port; empty when nobody has. */
  readonly deviceId: string;
  /** `compute:nova`, `network:router_interface`, … */
  readonly deviceOwner: string;
  readonly projectId: string | null;
  readonly status: string | null;
  readonly createdAt: string | null;
}

interface FixedIp {
  readonly subnetId: string;
  readonly ipAddress: string;
}

import { describe, expect, it } from 'vitest';
import { OpenStackUnavailable, QuotaExceeded } from '../../../lib/openstack/errors.ts';
import { recorded } from './recorded.ts';
import { cloudsOfThisFile } from './scripted-cloud.ts';

const SERVER = '5e9c7e62-51ab-475c-b4c3-212d361d93f9';
const PORTS = 'GET /network/v2.0/ports';

const start = cloudsOfThisFile();

function port(id: string, mac_address: string, created_at: string): object {
  return { id, network_id: 'n', mac_address, created_at };
}

function address(mac: string): object[] {
  return [{ addr: 'x', version: 4, 'OS-EXT-IPS-MAC:mac_addr': mac }];
}

describe('network', () => {
  it('lists networks and security groups', async () => {
    const { openstack } = await start({
      'GET /network/v2.0/networks': recorded('neutron-networks'),
      'GET /network/v2.0/security-groups': recorded('neutron-security-groups'),
    });

    expect(await openstack.network.networks()).toEqual([
      {
        id: '7525e2cc-c5c2-4745-9f75-1a2d1d058773',
        name: 'lab-net',
        status: 'ACTIVE',
        shared: true,
        external: false,
        projectId: '7e12e09e6abb44bf9a4057f91e556523',
        subnetIds: ['b5bafffc-4ea8-4be2-8b80-5b972112666e'],
      },
    ]);
    expect(await openstack.network.securityGroups()).toMatchObject([{ name: 'default' }]);
  });

  it('reads a port of a server', async () => {
    const { openstack, asked } = await start({
      [PORTS]: recorded('neutron-ports-of-server'),
      [`GET /compute/v2.1/servers/${SERVER}`]: recorded('server-show-with-port'),
    });

    expect(await openstack.network.portsOfServer(SERVER)).toMatchObject([
      {
        networkId: '7525e2cc-c5c2-4745-9f75-1a2d1d058773',
        macAddress: 'fa:16:3e:eb:17:c4',
        fixedIps: [{ ipAddress: '10.99.0.196' }],
        securityGroupIds: ['e7a503fc-97aa-48ad-a47b-9bf43b5db22a'],
        deviceId: SERVER,
        deviceOwner: 'compute:nova',
      },
    ]);
    expect(asked(PORTS)[0]?.query.get('device_id')).toBe(SERVER);
  });

  it("puts a server's ports in the order of its interfaces, as far as Nova tells it", async () => {
    const ports = {
      ports: [
        port('c', 'mac-3', '2026-01-01T00:00:00Z'),
        port('late', 'unknown', '2026-02-02T00:00:00Z'),
        port('early', 'unknown-2', '2026-01-02T00:00:00Z'),
        port('a', 'mac-1', '2026-01-01T00:00:00Z'),
      ],
    };
    const server = {
      id: SERVER,
      name: 'x',
      addresses: { first: address('mac-1'), second: address('mac-3') },
    };
    const known = await start({
      [PORTS]: ports,
      [`GET /compute/v2.1/servers/${SERVER}`]: { server },
    });
    const gone = await start({
      [PORTS]: ports,
      [`GET /compute/v2.1/servers/${SERVER}`]: recorded('server-show-404'),
    });

    const order = (await known.openstack.network.portsOfServer(SERVER)).map(({ id }) => id);
    expect(order).toEqual(['a', 'c', 'early', 'late']);
    expect(await gone.openstack.network.portsOfServer(SERVER)).toHaveLength(4);
  });

  it('finds who holds addresses, however many, page by page', async () => {
    const port = { id: 'p', network_id: 'n', fixed_ips: [{ ip_address: '10.0.0.1' }] };
    const { openstack, asked } = await start({
      [PORTS]: [
        {
          ports: [port],
          ports_links: [{ rel: 'next', href: 'http://internal/v2.0/ports?marker=p' }],
        },
        { ports: [{ ...port, id: 'q' }] },
        { ports: [] },
      ],
    });
    const ipAddresses = Array.from({ length: 60 }, (_, index) => `10.0.0.${String(index)}`);

    const ports = await openstack.network.portsWithFixedIp({ ipAddresses, networkId: 'n' });

    expect(ports.map(({ id }) => id)).toEqual(['p', 'q']);
    const queries = asked(PORTS).map(({ query }) => query);
    expect(queries.map((query) => query.getAll('fixed_ips').length)).toEqual([50, 50, 10]);
    expect(queries[0]?.getAll('fixed_ips')[0]).toBe('ip_address=10.0.0.0');
    expect(queries[1]?.get('marker')).toBe('p');
  });

  it("names a quota of Neutron's, which is a conflict there", async () => {
    const NeutronError = { type: 'OverQuota', message: "Quota exceeded for resources: ['port']." };
    const { openstack } = await start({
      [PORTS]: { status: 409, headers: {}, body: { NeutronError } },
    });

    const listing = openstack.network.portsWithFixedIp({ ipAddresses: ['1.2.3.4'] });

    await expect(listing).rejects.toThrow(QuotaExceeded);
    await expect(listing).rejects.toThrow(/OverQuota: Quota exceeded/);
  });
});

describe('flavors and key pairs', () => {
  it('lists flavors, whose swap may be empty', async () => {
    const { openstack } = await start({
      'GET /compute/v2.1/flavors/detail': recorded('nova-flavors-detail'),
    });

    expect(await openstack.flavors.list()).toMatchObject([
      { id: '101', name: 'lab.nano', ramMiB: 64, swapMiB: 0, extraSpecs: null },
      { id: '102', name: 'lab.tiny', ramMiB: 96 },
    ]);
  });

  it('shows what there is, and nothing of what there is not', async () => {
    const { openstack } = await start({
      'GET /compute/v2.1/flavors/1': {
        flavor: {
          id: '1',
          name: 'm1',
          vcpus: 2,
          ram: 512,
          disk: 5,
          swap: 64,
          extra_specs: { a: 'b' },
        },
      },
      'GET /compute/v2.1/os-keypairs/my%20key': {
        keypair: { name: 'my key', fingerprint: 'f', public_key: 'ssh-rsa x' },
      },
      '*': { status: 404, headers: {}, body: { itemNotFound: { message: 'no' } } },
    });

    expect(await openstack.flavors.show('1')).toMatchObject({
      swapMiB: 64,
      extraSpecs: { a: 'b' },
    });
    expect(await openstack.flavors.show('2')).toBeUndefined();
    expect(await openstack.keypairs.show('my key')).toMatchObject({ publicKey: 'ssh-rsa x' });
    expect(await openstack.keypairs.show('other')).toBeUndefined();
  });

  it('lists the names of key pairs, and the subnets of a network', async () => {
    const { openstack, asked } = await start({
      'GET /compute/v2.1/os-keypairs': { keypairs: [{ keypair: { name: 'a key' } }] },
      'GET /network/v2.0/subnets': { subnets: [{ id: 's', cidr: '2001:db8::/64' }] },
    });

    expect(await openstack.keypairs.names()).toEqual(['a key']);
    expect(await openstack.network.subnets('n')).toEqual([{ id: 's', cidr: '2001:db8::/64' }]);
    expect(asked('GET /network/v2.0/subnets')[0]?.query.get('network_id')).toBe('n');
  });
});

describe('volumes', () => {
  const ID = '92e5d179-2ecc-4e80-bc58-ec557a863977';
  const PATH = `GET /volume/v3/4e7e58adad6b4c01ae002f3ecbe57f26/volumes/${ID}`;

  it('shows one that is attached', async () => {
    const { openstack } = await start({ [PATH]: recorded('volume-show-in-use') });

    expect(await openstack.volumes.show(ID)).toMatchObject({
      id: ID,
      name: 'boot',
      status: 'in-use',
      sizeGiB: 1,
      bootable: true,
      encrypted: false,
      attachedServerIds: ['223fd547-be06-4827-b4b3-c7257fc0460d'],
      imageMetadata: { image_name: 'lab-guest', disk_format: 'qcow2' },
      metadata: {},
    });
  });

  it('knows nothing of one that there is not, but does not take an outage for that', async () => {
    const missing = await start({ [PATH]: recorded('volume-show-404') });
    const broken = await start({ [PATH]: { status: 500, headers: {}, body: '' } });

    expect(await missing.openstack.volumes.show(ID)).toBeUndefined();
    await expect(broken.openstack.volumes.show(ID)).rejects.toThrow(OpenStackUnavailable);
  });
});

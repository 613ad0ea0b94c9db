import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { cinder } from './cinder/cinder.ts';
import { computeControls } from './controls/compute.ts';
import { imageControls } from './controls/images.ts';
import { networkControls } from './controls/networks.ts';
import { addProject, projectControls } from './controls/projects.ts';
import { volumeControls } from './controls/volumes.ts';
import type { DemoCloud } from './demo-cloud.ts';
import type { GuestDisk } from './disks/guest-disk.ts';
import { Faults } from './faults.ts';
import { glance } from './glance/glance.ts';
import { ServiceServer } from './http/service-server.ts';
import { inventoryOf } from './inventory.ts';
import { keystone } from './keystone/keystone.ts';
import { HostQueues } from './nova/host-queues.ts';
import { neutron } from './neutron/neutron.ts';
import { nova } from './nova/nova.ts';
import type { DemoCloudOptions } from './options.ts';
import { RequestLog } from './request-log.ts';
import { Schedule } from './schedule.ts';
import { settingsOf } from './settings.ts';
import type { CloudState } from './state.ts';
import { Work } from './work.ts';

/** Starts a demo cloud with one project and one flavor (`demo.small`, 1 GiB of disk). Close it, or its files stay. */
export async function startDemoCloud(options: DemoCloudOptions = {}): Promise<DemoCloud> {
  const settings = settingsOf(options);
  const directory = await mkdtemp(join(settings.directory ?? tmpdir(), 'demo-cloud-'));
  const state: CloudState = {
    clock: settings.clock,
    settings,
    directory,
    schedule: new Schedule(settings.clock),
    faults: new Faults(),
    requests: new RequestLog(),
    endpoints: { identity: '', compute: '', image: '', network: '', volumev3: '' },
    work: new Work(),
    snapshotQueues: new HostQueues(settings.snapshotsPerHost),
    projects: new Map(),
    tokens: new Map(),
    flavors: new Map(),
    keypairs: [],
    images: new Map(),
    servers: new Map(),
    volumes: new Map(),
    volumeSnapshots: new Map(),
    networks: new Map(),
    subnets: new Map(),
    ports: new Map(),
    securityGroups: new Map(),
  };
  const listening: ServiceServer[] = [];
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= stop(state, listening);
    return closed;
  };
  try {
    for (const serviceOf of [keystone, nova, glance, neutron, cinder]) {
      const service = serviceOf(state);
      const server = new ServiceServer(service, state);
      listening.push(server);
      state.endpoints[service.type] = await server.listen();
    }
  } catch (error) {
    await close();
    throw error;
  }
  const project = addProject(state, { name: 'demo' });
  const compute = computeControls(state);
  compute.addFlavor({ name: 'demo.small', vcpus: 1, ramMib: 512, diskGib: 1 });
  const authUrl = `${state.endpoints.identity}/v3`;
  const regionName = settings.catalog.region;
  return {
    ...project,
    environment: {
      OS_AUTH_URL: authUrl,
      OS_AUTH_TYPE: 'v3applicationcredential',
      OS_APPLICATION_CREDENTIAL_ID: project.applicationCredential.id,
      OS_APPLICATION_CREDENTIAL_SECRET: project.applicationCredential.secret,
      OS_REGION_NAME: regionName,
    },
    ...projectControls(state),
    ...compute,
    ...imageControls(state),
    ...networkControls(state),
    ...volumeControls(state),
    authUrl,
    regionName,
    endpoints: state.endpoints,
    faults: state.faults,
    requests: state.requests,
    mostSnapshotsOfOneHost: () => state.snapshotQueues.longest,
    inventory() {
      state.schedule.runDue();
      return inventoryOf(state);
    },
    close,
  };
}

async function stop(state: CloudState, listening: readonly ServiceServer[]): Promise<void> {
  await Promise.all(listening.map((server) => server.close()));
  await state.work.end();
  const records = [state.servers, state.volumes, state.volumeSnapshots].flatMap(
    (each): { disk: Promise<GuestDisk> }[] => [...each.values()],
  );
  for (const { disk } of records) {
    await disk.then((each) => each.remove()).catch(() => undefined);
  }
  await rm(state.directory, { recursive: true, force: true });
}

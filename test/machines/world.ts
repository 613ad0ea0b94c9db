import { createBank } from '../../lib/bank/create-bank.ts';
import type { BankLock } from '../../lib/bank/lock.ts';
import type { bankOf } from '../../lib/bank/open-bank.ts';
import type { BankPlaces } from '../../lib/bank/places.ts';
import { registerOn } from '../../lib/bank/register/register.ts';
import type { Clock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { loadCloudConfig } from '../../lib/openstack/cloud-config.ts';
import { connectOpenStack } from '../../lib/openstack/connect.ts';
import type { ProgressEvent, Services } from '../../lib/services.ts';
import { type Settings, settingsFromEnvironment } from '../../lib/settings.ts';
import type { DemoCloud, NewServer, NewVolume } from '../../local/demo-cloud/demo-cloud.ts';
import type { DemoCloudOptions } from '../../local/demo-cloud/options.ts';
import { startDemoCloud } from '../../local/demo-cloud/start-demo-cloud.ts';
import type { EventEntry, ExecutionOutcome } from '../../local/engine/execution-options.ts';
import type { HistoryEvent, HistoryStore } from '../../local/engine/history.ts';
import type { Json } from '../../local/engine/json.ts';
import type { LongPasses, MachineName } from '../../local/machines.ts';
import { runMachine } from '../../local/run-machine.ts';
import { MemoryHistories } from '../local/engine/harness.ts';
import { memoryStore } from '../lib/bank/store/memory-store.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { WorkingClock } from '../working-clock.ts';

const MIB = 1024 ** 2;
export interface WorldOptions {
  cloud?: DemoCloudOptions;
  settings?: Partial<Settings>;
  /** The bank is locked; its place must be one that can be. */
  lock?: BankLock;
  /** Those that are not given are in memory. A function is given the clock on which waits take no time. */
  places?: Partial<BankPlaces> | ((clock: WorkingClock) => BankPlaces);
  /** Where the clock starts; where a store dates by the real one, now. */
  startMilliseconds?: number;
  /** More of the variables by which the cloud is found. */
  cloudEnvironment?: CloudEnvironment;
  /** False: what functions tell of their progress, an event for each chunk, is dropped. */
  keepProgress?: boolean;
  /** Default: kept in memory. */
  history?: HistoryStore;
  /** Default: 16, so that small disks have several segments. */
  chunksPerSegment?: number;
}

type CloudEnvironment = Record<string, string> | ((cloud: DemoCloud) => Record<string, string>);

/** A demo cloud, a sealed bank in memory and the state machines, on one virtual clock. */
export interface World {
  readonly cloud: DemoCloud;
  readonly places: BankPlaces;
  readonly services: Services;
  readonly clock: VirtualClock;
  readonly published: EventEntry[];
  readonly progress: ProgressEvent[];
  /** Runs a machine to its end; equal names continue one execution. */
  readonly run: (
    machine: MachineName,
    input: Json,
    options?: RunOptions,
  ) => Promise<ExecutionOutcome>;
  /** The same as `run` for a backup that must succeed; returns the checkpoints by server id. */
  readonly backUp: (input?: Json, options?: { name?: string }) => Promise<Map<string, string>>;
  /** A server with `data` at 1 MiB of its 16 MiB disk, booted from an image that all of them share. */
  readonly addServer: (
    name: string,
    data: Uint8Array,
    more?: Partial<NewServer>,
  ) => Promise<string>;
  /** A volume of 16 MiB with `data` at 1 MiB, attached to the server. */
  readonly addVolume: (
    name: string,
    serverId: string,
    data: Uint8Array,
    more?: Partial<NewVolume>,
  ) => Promise<string>;
  /** A server that boots from a volume, with `data` at 1 MiB of it. */
  readonly addVolumeBooted: (
    name: string,
    data: Uint8Array,
  ) => Promise<{ serverId: string; volumeId: string }>;
  /** Images, volumes, their snapshots, uploads and servers beside those that the test made. */
  readonly leftovers: () => Promise<string[]>;
  /** The services of another process with the same bank, whose calls of the three places go through others. */
  readonly servicesThrough: (places: BankPlaces) => Services;
  /** The services of one who restores from this bank into another cloud. */
  readonly servicesIn: (cloud: DemoCloud) => Services;
  readonly close: () => Promise<void>;
}

export interface RunOptions {
  name?: string;
  signal?: AbortSignal;
  onEvent?: (event: HistoryEvent, recorded: boolean) => void;
  longPasses?: LongPasses;
  /** Those of the world unless given. */
  services?: Services;
}

/** What stays of a pin whose reader died: docs/bank-format.md. */
const TOMBSTONE = '/9999999999';
const GUEST_DATA_OFFSET = MIB;
const GUEST_DISK_BYTES = 16 * MIB;

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const { startMilliseconds, places: given = {} } = options;
  const clock = new VirtualClock(startMilliseconds === undefined ? {} : { startMilliseconds });
  const working = new WorkingClock(clock);
  const history = options.history ?? historiesByName();
  const cloud = await startDemoCloud({
    clock: working,
    durations: { snapshotMs: 30_000 },
    volumes: { gibBytes: GUEST_DISK_BYTES },
    ...options.cloud,
  });
  const places = {
    bank: memoryStore({ location: 'memory:bank', clock }),
    register: memoryStore({ location: 'memory:register', clock }),
    work: memoryStore({ location: 'memory:work', clock }),
    ...(typeof given === 'function' ? given(working) : given),
  };
  const bank = await createBank(places, {
    access: [
      {
        label: 'test',
        role: 'reader',
        passphrase: 'only for tests',
        scryptCost: { N: 1024, r: 8, p: 1 },
      },
    ],
    chunksPerSegment: options.chunksPerSegment ?? 16,
    ...(options.lock === undefined ? {} : { lock: options.lock }),
    clock,
  });
  const progress: ProgressEvent[] = [];
  const parts = {
    cloud,
    places,
    clock: working,
    bank,
    onProgress: (event: ProgressEvent) => {
      if (options.keepProgress !== false) progress.push(event);
    },
    settings: options.settings,
    cloudEnvironment: options.cloudEnvironment,
  };
  const services = servicesOf(parts);
  const flavorId = cloud.addFlavor({ name: 'test', vcpus: 1, ramMib: 64, diskGib: 0 });
  const imageId = await cloud.addImage({
    name: 'base',
    content: baseImage(),
    diskFormat: 'raw',
    properties: { hw_disk_bus: 'virtio', os_distro: 'test' },
  });
  const own = new Set([imageId]);
  const published: EventEntry[] = [];
  let runs = 0;
  const world: World = {
    cloud,
    places,
    services,
    clock,
    published,
    progress,
    async run(machine, input, runOptions = {}) {
      const { name = `run-${String(++runs)}`, signal, onEvent, longPasses } = runOptions;
      const execution = working.execution();
      const outcome = await runMachine({
        machine,
        clock,
        name,
        input,
        services: runOptions.services ?? services,
        history,
        signal: signal ?? new AbortController().signal,
        ...(longPasses === undefined ? {} : { longPasses }),
        onPublished: (entry) => published.push(entry),
        onEvent: (event, recorded) => {
          execution.follow(event, recorded);
          onEvent?.(event, recorded);
        },
      });
      execution.rest();
      return outcome;
    },
    async backUp(input = {}, named = {}) {
      const checkpoints = new Map<string, string>();
      const outcome = await world.run('backup', input, {
        ...named,
        onEvent: (event) => {
          if (event.type !== 'SucceedStateExited') return;
          const { name, output } = event.stateExitedEventDetails;
          if (name !== 'ServerBackedUp') return;
          const { serverId, checkpoint } = JSON.parse(output) as Record<string, string>;
          checkpoints.set(serverId ?? '', checkpoint ?? '');
        },
      });
      if (outcome.status !== 'SUCCEEDED') {
        throw new Error(
          `The backup ended ${outcome.status}: ${outcome.error ?? ''} ${outcome.cause ?? ''}`,
        );
      }
      return checkpoints;
    },
    async addServer(name, data, more = {}) {
      const id = await cloud.addServer({ name, imageId, flavorId, ...more });
      own.add(id);
      await cloud.writeGuest(id, GUEST_DATA_OFFSET, data);
      return id;
    },
    async addVolume(name, server, data, more = {}) {
      const id = await cloud.addVolume({ name, sizeGib: 1, ...more });
      own.add(id);
      await cloud.writeVolume(id, GUEST_DATA_OFFSET, data);
      cloud.attachVolume(server, id);
      return id;
    },
    async addVolumeBooted(name, data) {
      const volumeId = await cloud.addVolume({ name: `${name}-root`, sizeGib: 1, imageId });
      await cloud.writeVolume(volumeId, GUEST_DATA_OFFSET, data);
      const id = await cloud.addServer({ name, bootVolumeId: volumeId, flavorId });
      own.add(volumeId).add(id);
      return { serverId: id, volumeId };
    },
    async leftovers() {
      const { images, servers, volumes, volumeSnapshots } = cloud.inventory();
      const left = [...images, ...servers, ...volumes, ...volumeSnapshots]
        .filter(({ id }) => !own.has(id))
        .map(({ name, status }) => `${name} (${status})`);
      for await (const { key } of places.work.listUploads('')) left.push(`upload ${key}`);
      for await (const { key } of places.register.list('pins/')) {
        if (!key.endsWith(TOMBSTONE)) left.push(key);
      }
      return left;
    },
    servicesThrough: (through) =>
      servicesOf({ ...parts, places: through, bank: { ...bank, places: through } }),
    servicesIn: (other) => servicesOf({ ...parts, cloud: other }),
    async close() {
      (await services.openstack()).close();
      await cloud.close();
    },
  };
  return world;
}

interface Parts {
  cloud: DemoCloud;
  places: BankPlaces;
  clock: Clock;
  bank: ReturnType<typeof bankOf>;
  onProgress: (event: ProgressEvent) => void;
  settings?: Partial<Settings> | undefined;
  cloudEnvironment?: CloudEnvironment | undefined;
}

function servicesOf(parts: Parts): Services {
  const { cloud, places, clock, bank, onProgress, settings, cloudEnvironment = {} } = parts;
  const env = {
    ...cloud.environment,
    ...(typeof cloudEnvironment === 'function' ? cloudEnvironment(cloud) : cloudEnvironment),
  };
  const openstack = loadCloudConfig({ env, cwd: '/', home: '/nowhere' }).then((config) =>
    connectOpenStack(config, { clock }),
  );
  const register = registerOn({ store: places.register, nameKey: bank.keys.nameKey, clock });
  return {
    settings: { ...settingsFromEnvironment({}), ...settings },
    clock,
    log: silentLog,
    places,
    bank: async () => await Promise.resolve(bank),
    register: async () => await Promise.resolve(register),
    openstack: async () => await openstack,
    progress: onProgress,
  };
}

function historiesByName(): HistoryStore {
  const histories = new Map<string, MemoryHistories>();
  return {
    async open(stateMachineName, executionName) {
      const key = `${stateMachineName} ${executionName}`;
      const history = histories.get(key) ?? new MemoryHistories();
      histories.set(key, history);
      return await history.open();
    },
  };
}

/** 16 MiB: some data at the beginning, holes after it. */
function baseImage(): Buffer {
  const bytes = Buffer.alloc(GUEST_DISK_BYTES);
  bytes.fill('an operating system ', 0, MIB / 2);
  return bytes;
}

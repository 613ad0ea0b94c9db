import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import type { DemoCloud, DemoProject } from '../../../../local/demo-cloud/demo-cloud.ts';
import { writeQcow2File } from '../../../../local/demo-cloud/disks/qcow2-file.ts';
import { startDemoCloud } from '../../../../local/demo-cloud/start-demo-cloud.ts';
import { ManualClock } from '../manual-clock.ts';
import { type Exchange, exchange } from '../http-exchange.ts';
import { Replayer } from './replayer.ts';

const clusterBytes = 64 * 1024;
const mib = 1024 * 1024;

/** A demo cloud with what the recorded one had before the recordings began, on a clock that stands still. */
export interface Stage {
  cloud: DemoCloud;
  clock: ManualClock;
  replayer: Replayer;
  lab: DemoProject;
  small: DemoProject;
  /** Content of the image `lab-guest`. */
  guestImage: Buffer;
  readonly tokenOf: (project: DemoProject) => Promise<string>;
  /** A request of the session that was not recorded. */
  readonly ask: (method: string, url: string, body?: unknown, token?: string) => Promise<Exchange>;
  readonly close: () => Promise<void>;
}

export async function setStage(): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'fidelity-'));
  const guestImage = await makeGuestImage(join(directory, 'guest.qcow2'));
  const source = await serve(guestImage);
  const sourcePort = (source.address() as AddressInfo).port;
  const clock = new ManualClock();
  const second = 1000;
  const cloud = await startDemoCloud({
    clock,
    directory,
    durations: {
      buildMs: 10 * second,
      snapshotMs: 10 * second,
      importMs: 10 * second,
      actionMs: second,
      deleteMs: second,
    },
    images: { importHosts: ['127.0.0.1'], importPorts: [80, 443, sourcePort] },
  });
  const lab = cloud.addProject({ name: 'backup-lab', userName: 'backup' });
  const imageQuota = { countTotal: 3, sizeTotalMib: 1 };
  const small = cloud.addProject({ name: 'backup-small', imageQuota });
  const { endpoints } = cloud;
  const replayer = new Replayer({
    '127.0.0.1:15000': hostOf(endpoints.identity),
    '127.0.0.1:18774': hostOf(endpoints.compute),
    '127.0.0.1:19292': hostOf(endpoints.image),
    '127.0.0.1:19696': hostOf(endpoints.network),
    '127.0.0.1:18776': hostOf(endpoints.volumev3),
    '127.0.0.1:18080': `127.0.0.1:${sourcePort}`,
  });

  const ask: Stage['ask'] = (method, url, body, token = replayer.token) =>
    exchange(url, {
      method,
      headers: [
        ['X-Auth-Token', token],
        ['Content-Type', 'application/json'],
        ['OpenStack-API-Version', 'compute 2.93'],
      ],
      ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
    });
  const tokenOf = async ({ applicationCredential }: DemoProject) => {
    const identity = {
      methods: ['application_credential'],
      application_credential: applicationCredential,
    };
    const answer = await ask('POST', `${cloud.authUrl}/auth/tokens`, { auth: { identity } }, '');
    return answer.headers.find(([name]) => name.toLowerCase() === 'x-subject-token')?.[1] ?? '';
  };
  const close = async () => {
    await cloud.close();
    source.closeAllConnections();
    source.close();
    await rm(directory, { recursive: true, force: true });
  };

  await furnish({ cloud, replayer, lab, small, guestImage });
  return { cloud, clock, replayer, lab, small, guestImage, tokenOf, ask, close };
}

async function furnish(
  stage: Pick<Stage, 'cloud' | 'replayer' | 'lab' | 'small' | 'guestImage'>,
): Promise<void> {
  const { cloud, replayer, lab, small, guestImage } = stage;
  replayer.learn('4e7e58adad6b4c01ae002f3ecbe57f26', lab.projectId);
  replayer.learn('28ec96345091428ebce69a342ab08b7c', small.projectId);
  replayer.learn('cf2b316acb7d4084b7dabc88d06b5036', lab.applicationCredential.id);
  replayer.replaceText('<secret>', lab.applicationCredential.secret);
  cloud.addFlavor({ id: '101', name: 'lab.nano', vcpus: 1, ramMib: 64, diskGib: 1 });
  cloud.addFlavor({ id: '102', name: 'lab.tiny', vcpus: 1, ramMib: 96, diskGib: 1 });
  const imageId = await cloud.addImage({
    name: 'lab-guest',
    content: guestImage,
    diskFormat: 'qcow2',
    visibility: 'public',
    minDiskGib: 1,
    properties: { os_distro: 'lab' },
  });
  replayer.learn('ad86123b-e00e-44a5-aa3f-ad9cc69796c7', imageId);
  const networkId = cloud.addNetwork({ name: 'lab-net', shared: true });
  cloud.addSubnet({ networkId, name: 'lab-subnet', cidr: '10.99.0.0/24' });
  replayer.learn('7525e2cc-c5c2-4745-9f75-1a2d1d058773', networkId);
  const { projectId } = lab;
  const first = await cloud.addServer({ name: 'lab-first', imageId, flavorId: '102', projectId });
  replayer.learn('453c87c6-a422-43a7-ad9c-2e175adf219f', first);
}

const hostOf = (url: string): string => new URL(url).host;

/** A disk of 64 MiB in an image file as long as the recorded one. */
async function makeGuestImage(path: string): Promise<Buffer> {
  const data = [{ offset: 0, bytes: randomBytes(191 * clusterBytes) }];
  await writeQcow2File(path, 64 * mib, Readable.from(data));
  await truncate(path, 12_870_144);
  return readFile(path);
}

/** What the recorded Glance downloaded from: `/img`, `/moved` and `/missing`. */
function serve(content: Buffer): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/missing') response.writeHead(404).end();
    else if (request.url === '/moved') response.writeHead(302, { Location: '/img' }).end();
    else response.writeHead(200, { 'Content-Length': content.length }).end(content);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

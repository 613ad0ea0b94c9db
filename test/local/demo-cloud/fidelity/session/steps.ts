import { connect } from 'node:net';

import type { Stage } from '../stage.ts';

export const mib = 1024 * 1024;
export const clusterBytes = 64 * 1024;
/** As the recorded session named them: the server that everything is done to, its first snapshot, the image it booted from. */
export const source = '5430195d-39bd-4628-9852-e24d9dfa789c';
export const snapshot = '3b1e28d7-50d4-4dab-9c2c-4c24781ad638';
export const guestImageId = 'ad86123b-e00e-44a5-aa3f-ad9cc69796c7';

export async function replayAll(stage: Stage, names: readonly string[]): Promise<void> {
  for (const name of names) await stage.replayer.replay(name);
}

export async function newImage(stage: Stage, recordedId: string, fields: object): Promise<void> {
  const body = { container_format: 'bare', ...fields };
  const answer = await stage.ask('POST', `${stage.cloud.endpoints.image}/v2/images`, body);
  stage.replayer.learn(recordedId, (answer.body as { id: string }).id);
}

export function beginUpload(stage: Stage, imageId: string, chunked: boolean): Promise<() => void> {
  const { hostname, port, host } = new URL(stage.cloud.endpoints.image);
  const length = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${8 * mib}`;
  const data = `${chunked ? '4\r\n' : ''}data${chunked ? '\r\n' : ''}`;
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        `PUT /v2/images/${imageId}/file HTTP/1.1\r\nHost: ${host}\r\nX-Auth-Token: ${stage.replayer.token}\r\n` +
          `Content-Type: application/octet-stream\r\n${length}\r\n\r\n${data}`,
      );
      resolve(() => socket.destroy());
    });
    socket.once('error', reject);
  });
}

export function untilImage(stage: Stage, id: string, status: string, token = stage.replayer.token) {
  const url = `${stage.cloud.endpoints.image}/v2/images/${stage.replayer.actual(id)}`;
  const isSo = async () => {
    const { body } = await stage.ask('GET', url, undefined, token);
    return (body as { status?: string }).status === status;
  };
  return until(isSo, id, status);
}

export function untilServer(stage: Stage, id: string, status: string) {
  const url = `${stage.cloud.endpoints.compute}/v2.1/servers/${stage.replayer.actual(id)}`;
  return until(
    async () => {
      const { body } = await stage.ask('GET', url);
      const { server } = body as { server: Record<string, unknown> };
      return server['status'] === status && server['OS-EXT-STS:task_state'] === null;
    },
    id,
    status,
  );
}

async function until(isSo: () => Promise<boolean>, id: string, status: string): Promise<void> {
  for (let attempts = 0; attempts < 1000; attempts += 1) {
    if (await isSo()) return;
  }
  throw new Error(`${id} did not become ${status}`);
}

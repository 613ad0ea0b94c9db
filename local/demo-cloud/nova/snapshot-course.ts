import { rm } from 'node:fs/promises';

import { type Digest, digestFile, writeRawFile } from '../disks/image-file.ts';
import { writeQcow2File } from '../disks/qcow2-file.ts';
import type { SnapshotFault } from '../faults.ts';
import { activate, dropImage, touch } from '../glance/image-record.ts';
import { isOverSize } from '../glance/quota.ts';
import type { CloudState, Image, Project, Server, ServerAction } from '../state.ts';
import { finishAction } from './instance-actions.ts';
import { uploadProperties } from './snapshot-properties.ts';

export interface Snapshot {
  server: Server;
  image: Image;
  action: ServerAction;
  fault: SnapshotFault | undefined;
  project: Project;
  /** When the server is idle again. */
  onEnd?: (atMs: number) => void;
}

/**
 * Copies the server's disk as it is when its host has a place for another snapshot, which may be at once, and lets server, image and
 * action go through their states meanwhile. A failure is seen as with Nova: the image is gone, the server is idle and well, and only the
 * action says `Error`.
 */
export function startSnapshot(
  state: CloudState,
  snapshot: Snapshot,
  askedAt = state.clock.now(),
): void {
  const { server, image } = snapshot;
  const asked = (share: number) => askedAt + share * state.settings.durations.snapshotMs;
  setTask(state, server, 'image_snapshot_pending');
  state.schedule.start(
    [server.id, image.id],
    [{ atMs: asked(0.15), run: () => setTask(state, server, 'image_snapshot') }],
  );
  state.snapshotQueues.enter(server.host, askedAt, (startedAt) => {
    takeSnapshot(state, snapshot, startedAt);
  });
}

function setTask(state: CloudState, server: Server, taskState: string | null): void {
  server.taskState = taskState;
  server.updatedAt = state.clock.now();
}

function takeSnapshot(state: CloudState, snapshot: Snapshot, startedAt: number): void {
  const { server, image, fault, action, onEnd } = snapshot;
  const at = (share: number) => startedAt + share * state.settings.durations.snapshotMs;
  const copy = state.work.start((signal) => copyDisk(state, snapshot, signal));

  const end = (result: 'Success' | 'Error', atMs: number) => {
    setTask(state, server, null);
    finishAction(state, action, result);
    course.cancel();
    state.snapshotQueues.leave(server.host, atMs);
    onEnd?.(atMs);
  };
  const fail = (atMs: number) => {
    state.work.start(() => dropImage(state, image));
    end('Error', atMs);
  };
  const beginUpload = () => {
    setTask(state, server, 'image_uploading');
    image.diskFormat = state.settings.snapshotFormat;
    image.containerFormat = 'bare';
    image.status = 'saving';
    Object.assign(image.properties, uploadProperties(server));
    touch(state, image);
  };

  const course = state.schedule.start(
    [server.id, image.id],
    [
      { atMs: at(0.35), run: () => setTask(state, server, 'image_pending_upload') },
      {
        atMs: at(0.55),
        run() {
          if (fault === 'compute-restarts') {
            setTask(state, server, null);
            course.cancel();
            state.snapshotQueues.leave(server.host, at(0.55));
          } else if (fault === 'vanishes' || isOverSize(state, snapshot.project)) fail(at(0.55));
          else beginUpload();
          if (fault === 'never-ends') course.cancel();
        },
      },
      {
        atMs: at(0.95),
        after: copy,
        run() {
          if (!state.images.has(image.id)) end('Success', at(0.95));
          else if (copy.outcome?.ok !== true || !state.servers.has(server.id)) fail(at(0.95));
          else if (fault === 'killed') {
            image.status = 'killed';
            end('Error', at(0.95));
          } else activate(state, image, copy.outcome.value);
        },
      },
      { atMs: at(1), run: () => end('Success', at(1)) },
    ],
  );
}

interface Copy {
  digest: Digest;
  virtualSizeBytes: number;
}

async function copyDisk(
  state: CloudState,
  { server, image }: Snapshot,
  signal: AbortSignal,
): Promise<Copy> {
  const disk = await server.disk;
  const write = state.settings.snapshotFormat === 'qcow2' ? writeQcow2File : writeRawFile;
  await disk.frozen((pieces) => write(image.path, disk.sizeBytes, abortable(pieces, signal)));
  const digest = await digestFile(image.path, signal);
  if (!state.images.has(image.id)) await rm(image.path, { force: true });
  return { digest, virtualSizeBytes: disk.sizeBytes };
}

async function* abortable<T>(pieces: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  for await (const piece of pieces) {
    signal.throwIfAborted();
    yield piece;
  }
}

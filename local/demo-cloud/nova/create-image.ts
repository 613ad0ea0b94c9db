import * as z from 'zod';

import { newImage } from '../glance/image-record.ts';
import { isOverCount } from '../glance/quota.ts';
import type { Answer, Call } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState, Image, Server } from '../state.ts';
import { recordAction } from './instance-actions.ts';
import { mustBeIdle } from './must-be-idle.ts';
import { snapshotByUser } from './snapshot-by-user.ts';
import { startSnapshot } from './snapshot-course.ts';
import { inheritedProperties, snapshotProperties } from './snapshot-properties.ts';
import { snapshotVolumes } from './snapshot-volumes.ts';
import { validated } from './validation.ts';

/** Snapshots of one who makes them over and over. */
const MANY = 20;

const schema = z.strictObject({
  name: z.string().min(1).max(255),
  metadata: z.record(z.string().min(1).max(255), z.string().max(255)).optional(),
});

/** The `createImage` action: 202, and a course through the task states that ends with an active image. */
export function createImage(state: CloudState, call: Call, server: Server, body: unknown): Answer {
  const { name, metadata = {} } = validated(schema, body, 'createImage');
  mustBeIdle(server, 'createImage', ['active', 'stopped', 'paused', 'suspended']);
  if (isOverCount(state, call.project)) throw unexpected('glanceclient.exc.HTTPOverLimit');
  const inherited = inheritedProperties(server, call.project);
  if (server.imageId === '') {
    return accepted(state, call, snapshotVolumes(state, server, { name, inherited, metadata }));
  }
  const image = newImage(state, call.project.id, {
    name,
    visibility: 'private',
    minDiskGib: Math.max(server.imageMinDiskGib, server.flavor.diskGib),
    minRamMib: server.imageMinRamMib,
    properties: { ...inherited, ...snapshotProperties(server), ...metadata },
  });
  const fault = state.faults.ofSnapshot(server.id);
  if (fault === 'race' || fault === 'race-and-more') {
    snapshotByUser(state, server, { project: call.project, times: fault === 'race' ? 1 : MANY });
    throw unexpected('nova.exception.UnexpectedTaskStateError');
  }
  const { requestId } = call;
  const event = 'compute_snapshot_instance';
  const action = recordAction(state, server, { action: 'createImage', event, requestId });
  startSnapshot(state, { server, image, action, fault, project: call.project });
  return accepted(state, call, image);
}

function accepted(state: CloudState, call: Call, image: Image): Answer {
  if (call.microversion >= 45) return { status: 202, json: { image_id: image.id } };
  const headers = {
    'Content-Type': 'text/html; charset=UTF-8',
    Location: `${state.endpoints.image}//images/${image.id}`,
  };
  return { status: 202, headers };
}

function unexpected(exception: string): Refusal {
  return new Refusal(
    500,
    `Unexpected API Error. Please report this at http://bugs.launchpad.net/nova/ and attach the Nova API log if possible.\n<class '${exception}'>`,
  );
}

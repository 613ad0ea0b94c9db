import * as z from 'zod';

import { type Answer, type Call, param, readJson, type Route } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState } from '../state.ts';
import { findServer } from './find-server.ts';
import { tagSchema, validated } from './validation.ts';

type MakeRoute = (
  method: string,
  path: string,
  handle: (state: CloudState, call: Call) => Answer | Promise<Answer>,
) => Route;

const metadataSchema = z.object({ metadata: z.record(z.string().max(255), z.string().max(255)) });
const tagsSchema = z.object({ tags: z.array(tagSchema).max(50) });

/** Metadata and tags of a server, which plans select servers by. */
export function metadataRoutes(route: MakeRoute): Route[] {
  const server = '/servers/{server}';
  return [
    route('GET', `${server}/metadata`, (state, call) => {
      return { status: 200, json: { metadata: findServer(state, call).metadata } };
    }),
    route('POST', `${server}/metadata`, async (state, call) => {
      const { metadata } = validated(metadataSchema, await readJson(call), 'metadata');
      const found = findServer(state, call);
      Object.assign(found.metadata, metadata);
      return { status: 200, json: { metadata: found.metadata } };
    }),
    route('GET', `${server}/tags`, (state, call) => {
      mustKnowTags(call);
      return { status: 200, json: { tags: findServer(state, call).tags } };
    }),
    route('PUT', `${server}/tags`, async (state, call) => {
      mustKnowTags(call);
      const { tags } = validated(tagsSchema, await readJson(call), 'tags');
      findServer(state, call).tags = tags;
      return { status: 200, json: { tags } };
    }),
    route('PUT', `${server}/tags/{tag}`, (state, call) => {
      mustKnowTags(call);
      const found = findServer(state, call);
      const tag = validated(tagSchema, param(call, 'tag'), 'tag');
      if (found.tags.includes(tag)) return { status: 204 };
      found.tags.push(tag);
      return { status: 201 };
    }),
  ];
}

function mustKnowTags(call: Call): void {
  if (call.microversion < 26) throw new Refusal(404, 'The resource could not be found.');
}

import * as z from 'zod';

import { type Answer, type Call, readJson } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import { newSecret } from '../identifiers.ts';
import type { CloudState, Flavor, Image, Volume } from '../state.ts';
import { Job } from '../work.ts';
import { attach } from './attach.ts';
import { bootServer, failBuild, launch } from './boot-server.ts';
import { finishAction, recordCreate } from './instance-actions.ts';
import { plugNetworks } from './plug-networks.ts';
import { linksOf } from './server-view.ts';
import { tagSchema, validated } from './validation.ts';

const networkSchema = z.object({
  uuid: z.string().optional(),
  fixed_ip: z.string().optional(),
  port: z.string().optional(),
});

const schema = z.object({
  server: z.object({
    name: z.string().min(1).max(255),
    imageRef: z.string().optional(),
    flavorRef: z.union([z.string(), z.number()]),
    networks: z.union([z.enum(['none', 'auto']), z.array(networkSchema)]).optional(),
    metadata: z.record(z.string().max(255), z.string().max(255)).optional(),
    tags: z.array(tagSchema).max(50).optional(),
    description: z.string().max(255).nullable().optional(),
    hostname: z.string().max(255).optional(),
    key_name: z.string().optional(),
    user_data: z.base64().optional(),
    config_drive: z.union([z.boolean(), z.string()]).optional(),
    availability_zone: z.string().optional(),
    security_groups: z.array(z.object({ name: z.string() })).optional(),
    block_device_mapping_v2: z
      .array(
        z.object({
          uuid: z.string().optional(),
          source_type: z.string().optional(),
          boot_index: z.union([z.number(), z.string()]).nullable().optional(),
          delete_on_termination: z.boolean().optional(),
          device_name: z.string().optional(),
          tag: z.string().optional(),
        }),
      )
      .optional(),
  }),
});

export type ServerRequest = z.infer<typeof schema>['server'];

/** `POST /servers`: 202 with the id; the server is then BUILD, and ACTIVE or ERROR after a while. */
export async function createServer(state: CloudState, call: Call): Promise<Answer> {
  const body = await readJson(call);
  const { server: request } = validated(schema, body, 'server');
  mustFitMicroversion(request, call.microversion);
  const flavor = findFlavor(state, String(request.flavorRef));
  const root = findRoot(state, call, request);
  mustFit(root, flavor);
  findVolumes(state, call, request);
  mustHaveKeypair(state, call, request);
  if ((request.availability_zone ?? 'nova') !== 'nova') {
    throw new Refusal(400, 'The requested availability zone is not available');
  }
  const groups = request.security_groups?.map(({ name }) => name) ?? ['default'];
  mustHaveSecurityGroups(state, call, groups);

  const plug = plugNetworks(state, call, request);
  const server = bootServer(state, call.project, {
    name: request.name,
    flavor,
    root,
    metadata: request.metadata ?? {},
    tags: request.tags ?? [],
    description: request.description ?? null,
    keyName: request.key_name ?? null,
    userData: request.user_data,
    configDrive: request.config_drive === true || request.config_drive === 'true',
    securityGroups: groups,
    ...(request.hostname === undefined ? {} : { hostname: request.hostname }),
  });
  plug(server);
  for (const { volume, mapping } of findVolumes(state, call, request)) {
    attach(state, server, volume, {
      deleteOnTermination: mapping.delete_on_termination ?? false,
      tag: mapping.tag ?? null,
    });
  }
  startBuild(state, call, server.id);
  const links = linksOf(state, server.id);
  return {
    status: 202,
    headers: { Location: `${state.endpoints.compute}/v2.1/servers/${server.id}` },
    json: {
      server: {
        id: server.id,
        links,
        'OS-DCF:diskConfig': 'MANUAL',
        security_groups: groups.map((name) => ({ name })),
        adminPass: newSecret().slice(0, 12),
      },
    },
  };
}

function startBuild(state: CloudState, call: Call, serverId: string): void {
  const server = state.servers.get(serverId);
  if (server === undefined) return;
  const action = recordCreate(state, server, call.requestId);
  const built = new Job(server.disk);
  const { buildMs } = state.settings.durations;
  state.schedule.start(
    [serverId],
    [
      {
        atMs: state.clock.now() + buildMs / 2,
        run() {
          server.taskState = 'spawning';
        },
      },
      {
        atMs: state.clock.now() + buildMs,
        after: built,
        run() {
          const { outcome } = built;
          if (outcome?.ok === false) failBuild(state, server, outcome.error);
          else launch(state, server);
          finishAction(state, action, outcome?.ok === false ? 'Error' : 'Success');
        },
      },
    ],
  );
}

function mustFitMicroversion(request: ServerRequest, microversion: number): void {
  const since: readonly (readonly [number, keyof ServerRequest])[] = [
    [19, 'description'],
    [52, 'tags'],
    [90, 'hostname'],
  ];
  for (const [minor, field] of since) {
    if (request[field] !== undefined && microversion < minor) {
      const message = `Invalid input for field/attribute server. Additional properties are not allowed ('${field}' was unexpected)`;
      throw new Refusal(400, message);
    }
  }
  if (microversion >= 37 && request.networks === undefined) {
    const message = "Invalid input for field/attribute server. 'networks' is a required property";
    throw new Refusal(400, message);
  }
}

function findFlavor(state: CloudState, id: string): Flavor {
  const flavor = state.flavors.get(id);
  if (flavor === undefined) throw new Refusal(400, `Flavor ${id} could not be found.`);
  return flavor;
}

function findRoot(state: CloudState, call: Call, request: ServerRequest): Image | Volume {
  const mapping = request.block_device_mapping_v2?.find(
    ({ boot_index: index, source_type: source }) => Number(index) === 0 && source === 'volume',
  );
  if (mapping !== undefined) {
    const volume = state.volumes.get(mapping.uuid ?? '');
    if (volume?.projectId === call.project.id && volume.status === 'available') return volume;
    const message = `Block Device Mapping is Invalid: failed to get volume ${mapping.uuid}.`;
    throw new Refusal(400, message);
  }
  const image = state.images.get(request.imageRef ?? '');
  const isVisible =
    image !== undefined && (image.projectId === call.project.id || image.visibility === 'public');
  if (!isVisible) throw new Refusal(400, 'Can not find requested image');
  if (image.status !== 'active') throw new Refusal(400, `Image ${image.id} is not active.`);
  return image;
}

/** The volumes that it is to have, in the order of their devices; as with libvirt the names that were asked for count for nothing. */
function findVolumes(state: CloudState, call: Call, request: ServerRequest) {
  const mappings = request.block_device_mapping_v2 ?? [];
  return mappings
    .filter(({ source_type: source }) => source === 'volume')
    .map((mapping) => {
      if (mapping.tag !== undefined && call.microversion < 42) {
        throw new Refusal(400, "Additional properties are not allowed ('tag' was unexpected)");
      }
      const volume = state.volumes.get(mapping.uuid ?? '');
      if (volume?.projectId === call.project.id && volume.status === 'available') {
        return { volume, mapping };
      }
      const message = `Block Device Mapping is Invalid: failed to get volume ${mapping.uuid}.`;
      throw new Refusal(400, message);
    });
}

function mustFit(root: Image | Volume, flavor: Flavor): void {
  if ('sizeGib' in root) return;
  if (flavor.diskGib > 0 && root.minDiskGib > flavor.diskGib) {
    const gib = 1024 ** 3;
    const sizes = `Flavor disk is ${flavor.diskGib * gib} bytes, minimum is ${root.minDiskGib * gib} bytes.`;
    throw new Refusal(
      400,
      `Flavor's disk is smaller than the minimum size specified in image metadata. ${sizes}`,
    );
  }
  if (root.minRamMib > flavor.ramMib) {
    throw new Refusal(400, "Flavor's memory is too small for requested image.");
  }
}

function mustHaveKeypair(state: CloudState, call: Call, request: ServerRequest): void {
  if (request.key_name === undefined) return;
  const { userId } = call.project;
  const known = state.keypairs.some(
    (keypair) => keypair.name === request.key_name && keypair.userId === userId,
  );
  if (!known) throw new Refusal(400, 'Invalid key_name provided.');
}

function mustHaveSecurityGroups(state: CloudState, call: Call, names: readonly string[]): void {
  const projectId = call.project.id;
  const known = [...state.securityGroups.values()].filter((each) => each.projectId === projectId);
  for (const name of names) {
    if (name === 'default' || known.some((each) => each.name === name || each.id === name))
      continue;
    throw new Refusal(400, `Security group ${name} not found for project ${projectId}.`);
  }
}

import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { BackupRequest, selectServers } from '../lib/protect/select-servers.ts';
import { putItems } from '../lib/protect/items.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Checks an execution's input and writes the chosen servers, one JSON line each, to the work place for the Map's ItemReader. */
export const listProtectables = stateFunction({
  name: 'ListProtectables',
  input: z.strictObject({ execution: z.string(), request: BackupRequest }),
  async run(services, { execution, request }, { signal }) {
    const openstack = await services.openstack();
    const items = await selectServers(openstack, request, { signal });
    const itemsKey = await putItems(services.places.work, execution, items, signal);
    return {
      itemsKey,
      count: items.length,
      serversAtOnce: services.settings.serversAtOnce,
      enableServerSnapshot: request.enable_server_snapshot ?? null,
      includeVolumes: request.include_volumes ?? false,
      stop: request.stop ?? false,
      plan: request.plan ?? null,
    };
  },
});

export const handler = handlerOf(listProtectables);

import * as z from 'zod';

import { InvalidInput } from '../../../lib/errors.ts';
import { type Answer, type Call, param, readJson } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState, Port } from '../state.ts';
import { newPort } from './port-record.ts';
import { portView } from './views.ts';

const schema = z.object({
  port: z.object({
    network_id: z.string(),
    name: z.string().optional(),
    fixed_ips: z.array(z.object({ ip_address: z.string().optional() })).optional(),
    security_groups: z.array(z.string()).optional(),
  }),
});

export async function createPort(state: CloudState, call: Call): Promise<Answer> {
  const parsed = schema.safeParse(await readJson(call));
  if (!parsed.success) throw new Refusal(400, z.prettifyError(parsed.error));
  const { network_id: networkId, name, fixed_ips: ips, security_groups: groups } = parsed.data.port;
  const network = state.networks.get(networkId);
  if (network === undefined || (!network.shared && network.projectId !== call.project.id)) {
    const type = 'NetworkNotFound';
    throw new Refusal(404, `Network ${networkId} could not be found.`, { type });
  }
  const fixedIp = ips?.[0]?.ip_address;
  if (fixedIp !== undefined && isTaken(state, networkId, fixedIp)) {
    const message = `IP address ${fixedIp} already allocated in subnet`;
    throw new Refusal(409, message, { type: 'IpAddressAlreadyAllocated' });
  }
  const port = accepted(() =>
    newPort(state, {
      networkId,
      projectId: call.project.id,
      ...(name === undefined ? {} : { name }),
      ...(fixedIp === undefined ? {} : { fixedIp }),
      ...(groups === undefined ? {} : { securityGroups: groups }),
    }),
  );
  return { status: 201, json: { port: portView(port) } };
}

export function deletePort(state: CloudState, call: Call): Answer {
  const port = findPort(state, call);
  state.ports.delete(port.id);
  return { status: 204 };
}

function findPort(state: CloudState, call: Call): Port {
  const id = param(call, 'port');
  const port = state.ports.get(id);
  if (port?.projectId !== call.project.id) {
    throw new Refusal(404, `Port ${id} could not be found.`, { type: 'PortNotFound' });
  }
  return port;
}

function isTaken(state: CloudState, networkId: string, address: string): boolean {
  return [...state.ports.values()].some(
    (port) =>
      port.networkId === networkId && port.fixedIps.some(({ ipAddress }) => ipAddress === address),
  );
}

function accepted<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof InvalidInput) throw new Refusal(400, error.message);
    throw error;
  }
}

import type { Call } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import { newPort } from '../neutron/port-record.ts';
import type { CloudState, Network, Port, Server } from '../state.ts';
import type { ServerRequest } from './create-server.ts';

/** Checks what networks the request asks for; the function that is returned gives the server its ports. */
export function plugNetworks(
  state: CloudState,
  call: Call,
  request: ServerRequest,
): (server: Server) => void {
  const asked = askedNetworks(state, call, request);
  const plans = asked.map((each) => plan(state, call, each));
  return (server) => {
    for (const make of plans) make(server);
  };
}

type Asked = Exclude<ServerRequest['networks'], string | undefined>;

function askedNetworks(state: CloudState, call: Call, { networks }: ServerRequest): Asked {
  if (Array.isArray(networks) && networks.length > 0) return networks;
  if (networks === 'none') return [];
  const usable = [...state.networks.values()].filter((network) => isUsable(network, call));
  if (usable.length > 1) {
    const message = 'Multiple possible networks found, use a Network ID to be more specific.';
    throw new Refusal(409, message);
  }
  return usable.map(({ id }) => ({ uuid: id }));
}

function plan(state: CloudState, call: Call, asked: Asked[number]): (server: Server) => void {
  if (asked.port !== undefined) {
    const port = freePort(state, call, asked.port);
    return (server) => plug(state, port, server);
  }
  const network = state.networks.get(asked.uuid ?? '');
  if (network === undefined || !isUsable(network, call)) {
    throw new Refusal(400, `Network ${asked.uuid} could not be found.`);
  }
  const fixedIp = asked.fixed_ip;
  const holder = [...state.ports.values()].find(({ fixedIps }) =>
    fixedIps.some(({ ipAddress }) => ipAddress === fixedIp),
  );
  if (fixedIp !== undefined && holder?.networkId === network.id) {
    const message = `Fixed IP address ${fixedIp} is already in use on instance ${holder.deviceId}.`;
    throw new Refusal(400, message);
  }
  return (server) => {
    const port = newPort(state, {
      networkId: network.id,
      projectId: server.projectId,
      ...(fixedIp === undefined ? {} : { fixedIp }),
      securityGroups: server.securityGroups,
    });
    port.ownedByServer = true;
    plug(state, port, server);
  };
}

function freePort(state: CloudState, call: Call, id: string): Port {
  const port = state.ports.get(id);
  if (port?.projectId !== call.project.id) {
    throw new Refusal(400, `Port id ${id} could not be found.`);
  }
  if (port.deviceId !== '') throw new Refusal(409, `Port ${id} is still in use.`);
  return port;
}

function plug(state: CloudState, port: Port, server: Server): void {
  port.deviceId = server.id;
  port.deviceOwner = 'compute:nova';
  port.updatedAt = state.clock.now();
}

const isUsable = (network: Network, call: Call): boolean =>
  network.shared || network.projectId === call.project.id;

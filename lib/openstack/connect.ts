import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { Http } from '../http/http.ts';
import type { HttpOptions } from '../http/http-types.ts';
import { silentLog } from '../log.ts';
import type { Log } from '../log.ts';
import { CinderVolumes } from './cinder-volumes.ts';
import type { CloudConfig } from './cloud-config.ts';
import { GlanceImages } from './glance-images.ts';
import { NovaDiscovery, cinderLocation, glanceLocation, neutronLocation } from './locations.ts';
import { NeutronNetwork } from './neutron-network.ts';
import { NovaFlavors, NovaKeyPairs } from './nova-flavors.ts';
import { NovaServers } from './nova-servers.ts';
import type { OpenStack } from './open-stack.ts';
import { Service } from './service.ts';
import { Session } from './session.ts';

export interface ConnectOptions {
  clock?: Clock;
  log?: Log;
  /** Ends every call that is under way, and refuses further ones. */
  signal?: AbortSignal;
  /** Limits of connections and of standstills. */
  http?: Pick<HttpOptions, 'maxSockets' | 'answerTimeoutMs' | 'idleTimeoutMs'>;
}

/** Prepares the use of a cloud. Nothing is sent before the first call, which authenticates. */
export function connectOpenStack(config: CloudConfig, options: ConnectOptions = {}): OpenStack {
  const { clock = systemClock, log = silentLog, signal } = options;
  const { tls, proxy } = config;
  const http = new Http({ ...options.http, tls, ...(proxy === undefined ? {} : { proxy }) });
  const session = new Session({ config, http, clock, log, signal });
  const discovery = new NovaDiscovery(session);
  const nova = new Service(session, 'Nova', (signal) => discovery.location(signal));
  const glance = new Service(session, 'Glance', (signal) => glanceLocation(session, signal));
  const neutron = new Service(session, 'Neutron', (signal) => neutronLocation(session, signal));
  const cinder = new Service(session, 'Cinder', (signal) => cinderLocation(session, signal));
  const servers = new NovaServers(nova, discovery);
  return {
    identity: ({ signal } = {}) => session.identity(session.signalFor(signal)),
    clockAheadMs: ({ signal } = {}) => session.clockAheadMs(session.signalFor(signal)),
    servers,
    images: new GlanceImages(glance),
    flavors: new NovaFlavors(nova),
    keypairs: new NovaKeyPairs(nova),
    network: new NeutronNetwork(neutron, servers),
    volumes: new CinderVolumes(cinder),
    close: () => {
      http.close();
    },
  };
}

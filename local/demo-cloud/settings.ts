import { systemClock } from '../../lib/clock.ts';
import type { DemoCloudOptions } from './options.ts';

export type Settings = ReturnType<typeof settingsOf>;

/** The options with their defaults. */
export function settingsOf(options: DemoCloudOptions) {
  const { durations = {}, images = {}, volumes = {}, catalog = {} } = options;
  return {
    clock: options.clock ?? systemClock,
    directory: options.directory,
    durations: {
      buildMs: durations.buildMs ?? 0,
      snapshotMs: durations.snapshotMs ?? 0,
      importMs: durations.importMs ?? 0,
      actionMs: durations.actionMs ?? 0,
      deleteMs: durations.deleteMs ?? 0,
    },
    tokenLifetimeMs: (options.tokenLifetimeSeconds ?? 3600) * 1000,
    serversWithout: options.serversWithout ?? [],
    hosts: options.hosts ?? 1,
    snapshotsPerHost: options.snapshotsPerHost ?? 5,
    snapshotFormat: options.snapshotFormat ?? 'qcow2',
    images: {
      range: images.range ?? 'yes',
      contentLength: images.contentLength ?? true,
      hash: images.hash ?? 'at-once',
      lateHashMs: images.lateHashMs ?? 0,
      size: images.size ?? 'at-once',
      importMethods: images.importMethods ?? ['glance-direct', 'web-download', 'copy-image'],
      importHosts: images.importHosts,
      importPorts: images.importPorts,
    },
    volumes: {
      countTotal: volumes.countTotal ?? 10,
      types: volumes.types ?? ['__DEFAULT__'],
      gibBytes: volumes.gibBytes ?? 1024 ** 3,
    },
    catalog: {
      region: catalog.region ?? 'RegionOne',
      otherRegions: catalog.otherRegions ?? [],
      interfaces: catalog.interfaces ?? (['admin', 'internal', 'public'] as const),
      paths: catalog.paths ?? {},
      without: catalog.without ?? [],
    },
    serverPageSize: options.pageSize ?? 1000,
    imagePageSize: options.pageSize ?? 25,
    maxImagePageSize: options.pageSize ?? 1000,
    maxMicroversion: options.maxMicroversion ?? '2.93',
  } as const;
}

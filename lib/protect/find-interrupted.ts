import { listCheckpoints } from '../bank/register/list-checkpoints.ts';
import { listPins } from '../bank/register/pin.ts';
import type { Execution, Lease } from '../bank/register/record.ts';
import type { Services } from '../services.ts';
import { isDead, isOver } from './find-orphans.ts';
import { markedImages, markedSnapshots, markedVolumes } from './marks.ts';

/** An execution whose process is gone, and which the same command still continues. */
export interface Interrupted {
  kind: 'backup' | 'reader';
  execution: string;
  checkpoint: string;
  /** From then on what is left of it counts as left behind. */
  keptUntil: string;
  /** What of a backup is in the cloud; undefined where it was not looked for. */
  inCloud: readonly { kind: string; id: string }[] | undefined;
}

/** Open checkpoints and pins of processes that are gone, while their leases still keep what is theirs. */
export async function* interruptedExecutions(
  services: Services,
  { cloud, signal }: { cloud: boolean; signal: AbortSignal },
): AsyncGenerator<Interrupted> {
  const register = await services.register();
  const isGone = async ({ process }: Execution) =>
    process !== undefined && (await register.isProcessGone(process));
  for await (const record of listCheckpoints(register, { signal })) {
    const { state, checkpoint, execution } = record;
    if (state !== 'OPEN' || !(await isGone(execution))) continue;
    if (await isDead(register, record, signal)) continue;
    const inCloud = cloud ? await madeFor(services, checkpoint, signal) : undefined;
    const keptUntil = halfOf(record.lease);
    yield { kind: 'backup', execution: execution.id, checkpoint, keptUntil, inCloud };
  }
  for await (const pin of listPins(register, { signal })) {
    const { checkpoint, execution, lease } = pin;
    if (!(await isGone(execution)) || (await isOver(register, pin))) continue;
    const keptUntil = halfOf(lease);
    yield {
      kind: 'reader',
      execution: execution.id,
      checkpoint,
      keptUntil,
      inCloud: undefined,
    };
  }
}

async function madeFor(services: Services, checkpoint: string, signal: AbortSignal) {
  const openstack = await services.openstack();
  const mark = { homeId: (await services.bank()).info.homeId, checkpoint };
  return [
    ...named('snapshot image', await markedImages(openstack, mark, signal)),
    ...named('temporary volume', await markedVolumes(openstack, mark, signal)),
    ...named('volume snapshot', await markedSnapshots(openstack, mark, signal)),
  ];
}

function named(kind: string, made: readonly { id: string }[]) {
  return made.map(({ id }) => ({ kind, id }));
}

/** Where the process is known to be gone, half of the lease is waited for. */
function halfOf({ renewedAt, seconds }: Lease): string {
  return new Date(Date.parse(renewedAt) + seconds * 500).toISOString();
}

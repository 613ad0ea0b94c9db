import * as collection from '../lib/bank/collect/errors.ts';
import * as bank from '../lib/bank/errors.ts';
import * as register from '../lib/bank/register/errors.ts';
import * as store from '../lib/bank/store/errors.ts';
import * as disk from '../lib/disk/errors.ts';
import * as everywhere from '../lib/errors.ts';
import { SecretUnavailable } from '../lib/function-secret.ts';
import * as events from '../lib/events/errors.ts';
import * as http from '../lib/http/errors.ts';
import * as nbd from '../local/nbd/errors.ts';
import * as openstack from '../lib/openstack/errors.ts';
import * as protect from '../lib/protect/errors.ts';
import * as restore from '../lib/restore/errors.ts';
import * as verify from '../lib/verify/errors.ts';
import * as engine from '../local/engine/errors.ts';

const MODULES: readonly object[] = [
  collection,
  bank,
  register,
  store,
  disk,
  everywhere,
  events,
  http,
  nbd,
  openstack,
  protect,
  restore,
  verify,
  engine,
  { SecretUnavailable },
];

/** Errors of Step Functions whose messages tell what a store of ours refused. */
const WORK_PLACE_FAILED =
  'Do what the message says about the work place (SNAPBANK_WORK, else below the bank), then run the same command again.';
const OF_MAPS = [
  ['States.ItemReaderFailed', WORK_PLACE_FAILED],
  ['States.ResultWriterFailed', WORK_PLACE_FAILED],
] as const;

/** A class is exported under the name that its errors have. */
const REMEDIES = new Map<string, string>([
  ...OF_MAPS,
  ...MODULES.flatMap((module) => Object.entries(module)).flatMap(
    ([name, exported]: [string, unknown]): [string, string][] =>
      hasRemedy(exported) ? [[name, exported.remedy]] : [],
  ),
]);

/**
 * What to do about an error of which only the name is left: what a function threw inside an execution reaches the command as the
 * name and the message that the state machine knows.
 */
export function remedyOf(errorName: string): string | undefined {
  return REMEDIES.get(errorName);
}

function hasRemedy(exported: unknown): exported is { remedy: string } {
  return typeof exported === 'function' && 'remedy' in exported;
}

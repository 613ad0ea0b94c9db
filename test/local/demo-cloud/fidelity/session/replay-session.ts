import type { Stage } from '../stage.ts';
import { replayAuthentication } from './authentication.ts';
import { replayImports, replayRanges, replayUploads } from './images.ts';
import { replayErrors, replayQuota } from './refusals.ts';
import { replayRestoredServer, replayServerLife, replayStates } from './servers.ts';
import { replayNetwork, replayVolumes } from './volumes.ts';

/** Everything that the recorded session asked, in an order that gives each request what it needs. */
export async function replaySession(stage: Stage): Promise<void> {
  const { replayer, lab, tokenOf } = stage;
  replayer.token = await tokenOf(lab);
  await replayAuthentication(stage);
  await replayServerLife(stage);
  await replayRanges(stage);
  await replayStates(stage);
  await replayErrors(stage);
  await replayQuota(stage);
  await replayUploads(stage);
  await replayRestoredServer(stage);
  await replayImports(stage);
  await replayNetwork(stage);
  await replayVolumes(stage);
}

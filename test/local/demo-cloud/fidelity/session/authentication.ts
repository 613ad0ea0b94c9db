import type { Stage } from '../stage.ts';
import { replayAll } from './steps.ts';

export async function replayAuthentication(stage: Stage): Promise<void> {
  const { replayer, lab, tokenOf } = stage;
  await replayAll(stage, [
    'versions-keystone',
    'versions-nova-root',
    'versions-nova-v21',
    'versions-glance',
    'versions-glance-root-300',
    'versions-cinder',
    'auth-appcred-201',
    'auth-appcred-wrong-secret-401',
    'auth-appcred-unknown-id',
    'auth-malformed-400',
    'auth-appcred-with-scope',
    'auth-catalog',
    'auth-token-show',
  ]);
  const token = await tokenOf(lab);
  await replayer.replay('auth-token-revoke-204', { token });
  await replayer.replay('nova-revoked-token', { token });
  for (const service of ['nova', 'glance', 'neutron']) {
    await replayer.replay(`${service}-bad-token-401`, { token: 'gAAAAABbad' });
    await replayer.replay(`${service}-no-token-401`);
  }
  await replayAll(stage, [
    'neutron-security-groups',
    'nova-limits',
    'nova-flavors-detail',
    'nova-availability-zones',
    'glance-info-import',
    'glance-info-stores',
    'glance-schema-image',
  ]);
}

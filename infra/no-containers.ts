/** What stands in place of the placeholders where there are no containers: never used, but Step Functions wants a text. */
export const NO_CONTAINERS: Readonly<Record<string, string>> = {
  LongPasses: 'function',
  ContainerCluster: 'none',
  ContainerSubnets: 'none',
  ContainerSecurityGroups: 'none',
  ContainerPublicIp: 'DISABLED',
  UploadStreamInContainerTaskDefinition: 'none',
  UploadImageInContainerTaskDefinition: 'none',
};

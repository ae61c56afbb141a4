/** What `berthkit/engine` exports: the port and everything an engine's author needs. No engine. */
export type {
  Attachment,
  CallOptions,
  ContainerEngine,
  ContainerInfo,
  ContainerPathType,
  ContainerSummary,
  BuildOptions,
  EngineCapabilities,
  EngineContainers,
  EngineEvent,
  EngineGap,
  EngineImages,
  EngineInfo,
  EngineVolumes,
  ImageInfo,
  ImageStep,
  ImageSummary,
  OutputChunk,
  PulledImage,
  PullFailureReason,
  PullProgress,
  PushedImage,
  TransferOptions,
  UntoldSetting,
  VolumeSpec,
} from './types.js';
export type * from './applied-spec.js';
export type { RegistryCredentials } from '../secrets/types.js';
export type {
  BindMount,
  ContainerSpec,
  GpuCapability,
  GpuSpec,
  MountSpec,
  NetworkMode,
  Resources,
  TmpfsSpec,
  Ulimit,
  VolumeMount,
} from '../plan/container-spec.js';
export { ERROR_CODES } from '../error-codes.js';
export { EngineError, ImageError, JobRuntimeError } from '../errors.js';
export type { ErrorCode, ErrorCodeOf, ErrorKind } from '../error-codes.js';
export type { ErrorOptions } from '../errors.js';

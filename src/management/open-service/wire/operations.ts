import * as z from 'zod'
import { connector, connectorChange, enrolAnswer, enrolRequest, renewRequest } from './connector.ts'
import { discovery } from './discovery.ts'
import { healthAnswer, healthMessage } from './health.ts'
import { deliveryStatuses, importsPage, newImport, storedImport, usersFound } from './imports.ts'
import {
  importItem,
  importResult,
  pkcsItem,
  pkcsResult,
  recryptItem,
  recryptResult,
  revocationItem,
  revocationResult,
} from './items.ts'
import {
  acknowledgement,
  downloadAnswer,
  downloadAnswerOf,
  downloadRequest,
  releaseLeasesRequest,
  renewLeasesAnswer,
  renewLeasesRequest,
  uploadAnswer,
  uploadRequestOf,
} from './queues.ts'

/** One call of the contract. The client validates both bodies with these schemas; the OpenAPI file is made of them. */
export interface Operation<B extends z.ZodType = z.ZodType, A extends z.ZodType = z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Below the base URL of `endpoint`; `{id}` is the connector's, `{key}` that of the record. */
  readonly path: string
  /** What may stand in the query, and what it means. */
  readonly query?: Readonly<Record<string, string>>
  /** Which base URL of the discovery; `origin` for the discovery itself. */
  readonly endpoint: 'origin' | 'enrollment' | 'work' | 'health'
  /**
   * `none`: public; `token`: the enrolment token in the body; `certificate`: mutual TLS with the connector's certificate.
   */
  readonly identity: 'none' | 'token' | 'certificate'
  /** 204 comes without a body. */
  readonly status: 200 | 201 | 204
  readonly summary: string
  readonly body?: B
  readonly answer: A
  /** The answer as the document shows it, where the client looks at its items one by one. */
  readonly documented?: z.ZodType
}

/** The two calls of a queue. */
interface QueueOperations {
  readonly download: Operation<typeof downloadRequest, typeof downloadAnswer>
  readonly upload: Operation<z.ZodType, typeof uploadAnswer>
  /** One item of a download. */
  readonly item: z.ZodType
}

function queueOf(
  name: string,
  label: string,
  results: string,
  item: z.ZodType,
  result: z.ZodType,
): QueueOperations {
  const common = { method: 'POST', endpoint: 'work', identity: 'certificate', status: 200 } as const
  return {
    item,
    download: {
      ...common,
      path: `/CertificateAuthorityRequests/download${name}`,
      summary: `Lends ${label}.`,
      body: downloadRequest,
      answer: downloadAnswer,
      documented: downloadAnswerOf(item),
    },
    upload: {
      ...common,
      path: `/CertificateAuthorityRequests/upload${results}`,
      summary: `Takes the results of ${label}.`,
      body: uploadRequestOf(result),
      answer: uploadAnswer,
    },
  }
}

/** The four queues, by kind of work. */
export const queues = {
  pkcs: queueOf('PkcsRequests', 'PKCS requests', 'PkcsResults', pkcsItem, pkcsResult),
  pkcsRecrypt: queueOf(
    'PkcsRecryptRequests',
    'requests to seal a payload again',
    'PkcsRecryptResults',
    recryptItem,
    recryptResult,
  ),
  pkcsImport: queueOf(
    'PkcsImportRequests',
    'imported PFX files',
    'PkcsImportResults',
    importItem,
    importResult,
  ),
  revocation: queueOf(
    'RevocationRequests',
    'revocations',
    'RevocationResults',
    revocationItem,
    revocationResult,
  ),
} as const satisfies Record<string, QueueOperations>

const ofImports = { endpoint: 'work', identity: 'certificate', status: 200 } as const
const IMPORTS = '/deviceManagement/userPfxCertificates'

/** All other calls. */
export const operations = {
  discover: {
    method: 'GET',
    path: '/.well-known/connector-service',
    endpoint: 'origin',
    identity: 'none',
    status: 200,
    summary: 'Says where the service is, and its limits.',
    answer: discovery,
  },
  enrol: {
    method: 'POST',
    path: '/connectors/enroll',
    endpoint: 'enrollment',
    identity: 'token',
    status: 201,
    summary: 'Makes a connector and issues its two certificates.',
    body: enrolRequest,
    answer: enrolAnswer,
  },
  renew: {
    method: 'POST',
    path: '/connectors/{id}/renew',
    endpoint: 'enrollment',
    identity: 'certificate',
    status: 200,
    summary: 'Issues both certificates anew; the old ones stay good until they end.',
    body: renewRequest,
    answer: enrolAnswer,
  },
  change: {
    method: 'PATCH',
    path: '/connectors/{id}',
    endpoint: 'enrollment',
    identity: 'certificate',
    status: 200,
    summary: 'Changes what the service knows of the connector; `paused` drains it.',
    body: connectorChange,
    answer: connector,
  },
  leave: {
    method: 'DELETE',
    path: '/connectors/{id}',
    endpoint: 'enrollment',
    identity: 'certificate',
    status: 204,
    summary:
      'Ends the enrolment: the certificates count no more. What is lent goes back when its loans end.',
    answer: z.undefined(),
  },
  renewLeases: {
    method: 'POST',
    path: '/CertificateAuthorityRequests/renewLeases',
    endpoint: 'work',
    identity: 'certificate',
    status: 200,
    summary: 'Prolongs loans, of any queue.',
    body: renewLeasesRequest,
    answer: renewLeasesAnswer,
  },
  releaseLeases: {
    method: 'POST',
    path: '/CertificateAuthorityRequests/releaseLeases',
    endpoint: 'work',
    identity: 'certificate',
    status: 200,
    summary: 'Gives items back undone.',
    body: releaseLeasesRequest,
    answer: acknowledgement,
  },
  uploadHealth: {
    method: 'POST',
    path: '/ConnectorHealth/uploadHealthMessages',
    endpoint: 'health',
    identity: 'certificate',
    status: 200,
    summary: 'Takes a health message.',
    body: healthMessage,
    answer: healthAnswer,
  },
  findUsers: {
    ...ofImports,
    method: 'GET',
    path: '/users',
    query: { $filter: "userPrincipalName eq '…', a quote inside doubled" },
    summary: 'Finds the id of a user.',
    answer: usersFound,
  },
  listImports: {
    ...ofImports,
    method: 'GET',
    path: IMPORTS,
    query: {
      $filter: "tolower(userPrincipalName) eq '…'; left out: all",
      $skip: 'copied from @odata.nextLink of the page before; left out: the first page',
    },
    summary: 'Lists imported PFX, without files and passwords.',
    answer: importsPage,
  },
  addImport: {
    ...ofImports,
    method: 'POST',
    path: IMPORTS,
    status: 201,
    summary: 'Records an imported PFX; `error.details` says of each member what is wrong with it.',
    body: newImport,
    answer: storedImport,
  },
  findImport: {
    ...ofImports,
    method: 'GET',
    path: `${IMPORTS}/{key}`,
    summary: 'Shows one, by its user and thumbprint.',
    answer: storedImport,
  },
  replaceImport: {
    ...ofImports,
    method: 'PATCH',
    path: `${IMPORTS}/{key}`,
    summary: 'Writes over one.',
    body: newImport,
    answer: storedImport,
  },
  removeImport: {
    ...ofImports,
    method: 'DELETE',
    path: `${IMPORTS}/{key}`,
    status: 204,
    summary: 'Removes one.',
    answer: z.undefined(),
  },
  listDeliveries: {
    ...ofImports,
    method: 'GET',
    path: `${IMPORTS}/{key}/deliveryStatuses`,
    summary: 'Says on which devices it is.',
    answer: deliveryStatuses,
  },
} as const satisfies Record<string, Operation>

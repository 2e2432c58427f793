import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi'
import { errorBody } from '../../../src/management/open-service/wire/errors.ts'
import {
  type Operation,
  operations,
  queues,
} from '../../../src/management/open-service/wire/operations.ts'
import { releaseManifest } from '../../../src/management/open-service/wire/releases.ts'
import { API_VERSION } from '../../../src/management/open-service/wire/values.ts'

const json = 'application/json'

const failures: Readonly<Record<string, string>> = {
  '400': 'The body is wrong; `error.details` names the members.',
  '401': 'No certificate of the fleet, or no valid enrolment token.',
  '403': 'The certificate is of another connector, or the connector lacks the feature.',
  '404': 'No such connector.',
  '409': 'Every lease of the call is stale; for an enrolment: too many connectors.',
  '413': 'The body is larger than `limits.maxBodyBytes`.',
  '429': 'Too much; `Retry-After` says how long to wait.',
  '500': 'The service failed; the same call may be repeated.',
  '503': 'The service is away; `Retry-After` says how long to wait.',
}

/** The contract as OpenAPI 3.1, made of the schemas with which the client validates the wire. */
export function renderOpenApi(): string {
  const paths: ZodOpenApiPathsObject = {}
  const all: readonly (readonly [string, Operation])[] = [
    ...Object.entries<Operation>(operations),
    ...Object.entries(queues).flatMap(([kind, { download, upload }]) => [
      [`download ${kind}`, download as Operation] as const,
      [`upload ${kind}`, upload as Operation] as const,
    ]),
  ]
  for (const [name, operation] of all) {
    const base = operation.endpoint === 'origin' ? '' : `/{${operation.endpoint}}`
    const path = `${base}${operation.path}`
    paths[path] = {
      ...paths[path],
      [operation.method.toLowerCase()]: describe(name, operation),
    }
  }
  const document = createDocument(
    {
      openapi: '3.1.0',
      info: {
        title: 'Open connector service',
        version: API_VERSION,
        description:
          'The contract between a management service and certificate connectors, described in docs/open-connector-service.md. It is our own: the wire of Microsoft’s cloud for PKCS, import and health is private. The first part of a path, in braces, stands for the base URL of that name in the discovery. Readers ignore members that they do not know.',
      },
      paths,
      components: {
        schemas: { ReleaseManifest: releaseManifest },
        securitySchemes: {
          certificate: { type: 'mutualTLS', description: 'The certificate that enrolment gave.' },
        },
      },
    },
    {
      override: ({ jsonSchema }) => {
        // Readers ignore what they do not know, so nothing is forbidden.
        if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
      },
    },
  )
  return `${JSON.stringify(document, undefined, 2)}\n`
}

function describe(name: string, operation: Operation): ZodOpenApiOperationObject {
  const isUpload = name.startsWith('upload ')
  const parameters = [
    ...(operation.identity === 'none' ? [] : [header('api-version', API_VERSION)]),
    ...(isUpload
      ? [
          header(
            'Idempotency-Key',
            'SHA-256, hexadecimal, over the sorted pairs of requestContext and attempt',
          ),
        ]
      : []),
    ...Object.entries(operation.query ?? {}).map(([parameter, description]) => ({
      in: 'query' as const,
      name: parameter,
      required: false,
      description,
      schema: { type: 'string' as const },
    })),
    ...[
      ...operation.path.matchAll(/\{(\w+)\}/g),
      ...(operation.endpoint === 'origin' ? [] : [['', operation.endpoint]]),
    ].map(([, parameter = '']) => ({
      in: 'path' as const,
      name: parameter,
      required: true,
      schema: { type: 'string' as const },
    })),
  ]
  return {
    operationId: name.replace(/ (\w)/g, (_, letter: string) => letter.toUpperCase()),
    summary: operation.summary,
    security: operation.identity === 'certificate' ? [{ certificate: [] }] : [],
    parameters,
    ...(operation.body === undefined
      ? {}
      : { requestBody: { required: true, content: { [json]: { schema: operation.body } } } }),
    responses: {
      [`${operation.status}`]: {
        description: 'Done.',
        ...(operation.status === 204
          ? {}
          : { content: { [json]: { schema: operation.documented ?? operation.answer } } }),
      },
      ...Object.fromEntries(
        Object.entries(operation.identity === 'none' ? {} : failures).map(
          ([status, description]) => [
            status,
            { description, content: { [json]: { schema: errorBody } } },
          ],
        ),
      ),
    },
  } as ZodOpenApiOperationObject
}

function header(name: string, description: string) {
  return {
    in: 'header' as const,
    name,
    required: true,
    description,
    schema: { type: 'string' as const },
  }
}

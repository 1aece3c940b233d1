#include "db/raw_protocol.hpp"

#include <type_traits>

#include <errmsg.h>

namespace cenote::db {

namespace {

/// Older versions do not tell the length of a packet.
constexpr bool tells_length =
    std::is_invocable_v<mysql_stmt_fetch_row_func, MYSQL_STMT*, unsigned char**, unsigned long*>;

/// Reads one packet.
template <class Reader>
CENOTE_MAY_CHANGE_THREADS int read_packet(Reader read, MYSQL_STMT& statement, unsigned char*& packet,
                                          unsigned long& length) {
  if constexpr (tells_length)
    return read(&statement, &packet, &length);
  else
    return 1;
}

/// Connector/C has a function that reads a packet of a row, and tells its address only to a statement that has been
/// executed: such a statement is made here, with a session that answers at once, without a server.
mysql_stmt_fetch_row_func find_packet_reader(const st_mariadb_methods& original) {
  auto session = mysql_init(nullptr);
  if (session == nullptr)
    return nullptr;
  mysql_stmt_fetch_row_func result = nullptr;
  auto before = session->methods;
  st_mariadb_methods answers{};
  answers.db_read_stmt_result = [](MYSQL*) { return 0; };
  MYSQL_FIELD field{};
  session->methods = &answers;
  session->fields = &field;
  session->field_count = 1;
  if (auto statement = mysql_stmt_init(session)) {
    if (original.db_read_execute_response(statement) == 0 && statement->default_rset_handler != nullptr) {
      statement->default_rset_handler(statement);
      result = statement->fetch_row_func;
    }
    session->status = MYSQL_STATUS_READY; // Nothing is left to be read or closed.
    statement->state = MYSQL_STMT_INITTED;
    mysql_stmt_close(statement);
  }
  session->fields = nullptr;
  session->field_count = 0;
  session->methods = before;
  mysql_close(session);
  return result;
}

/// Whether the library that runs is of the series of the headers, and not older: others may have other functions. 3.4.1
/// does not tell lengths, 3.3.20 does.
bool is_recent() {
  auto version = mysql_get_client_version();
  return version / 100 == MARIADB_PACKAGE_VERSION_ID / 100 && version >= MARIADB_PACKAGE_VERSION_ID;
}

mysql_stmt_fetch_row_func packet_reader(const st_mariadb_methods& original) {
  static const auto found = tells_length && is_recent() ? find_packet_reader(original) : nullptr;
  return found;
}

} // namespace

std::unique_ptr<raw_protocol> raw_protocol::of(MYSQL& session) {
  if (packet_reader(*session.methods) == nullptr)
    return nullptr;
  return std::unique_ptr<raw_protocol>{new raw_protocol{session}};
}

raw_protocol::raw_protocol(MYSQL& session) : session_{session} {
  static_cast<st_mariadb_methods&>(methods_) = *session.methods;
  methods_.original = session.methods;
  methods_.raw_row = cells_;
  methods_.reader = &reader_;
  methods_.db_command = send_command;
  methods_.db_read_one_row = read_row;
  reader_.mysql = &session;
  session.methods = &methods_;
}

MYSQL_RES* raw_protocol::rows() noexcept {
  session_.status = MYSQL_STATUS_USE_RESULT;
  rows_ = {};
  rows_.handle = &session_;
  rows_.row = cells_;
  rows_.lengths = lengths_;
  rows_.field_count = 1;
  reader_.fetch_row_func = packet_reader(*methods_.original);
  return &rows_;
}

const raw_protocol::methods& raw_protocol::of(const MYSQL* session) noexcept {
  return static_cast<const methods&>(*session->methods);
}

int raw_protocol::send_command(MYSQL* session, enum_server_command command, const char* data, size_t size,
                               my_bool skip_check, void* option) {
  auto& own = of(session);
  return own.original->db_command(session, command == COM_QUERY ? own.query_command : command, data, size, skip_check,
                                  option);
}

int raw_protocol::read_row(MYSQL* session, unsigned columns, MYSQL_ROW row, unsigned long* lengths) {
  auto& own = of(session);
  if (row != own.raw_row)
    return own.original->db_read_one_row(session, columns, row, lengths);
  unsigned char* packet = nullptr;
  unsigned long length = 0;
  auto rc = read_packet(own.reader->fetch_row_func, *own.reader, packet, length);
  if (rc == MYSQL_NO_DATA) {
    auto end = session->net.read_pos; // A marker, the number of warnings, the status.
    session->warning_count = end[1] + 256u * end[2];
    session->server_status = end[3] + 256u * end[4];
    return 1;
  }
  if (rc != 0 || packet == nullptr) {
    if (session->net.last_errno == 0) // An error without a number would look like the end of the rows.
      session->methods->set_error(session, CR_MALFORMED_PACKET, "HY000", nullptr);
    return -1;
  }
  row[0] = reinterpret_cast<char*>(packet);
  lengths[0] = length;
  return 0;
}

} // namespace cenote::db

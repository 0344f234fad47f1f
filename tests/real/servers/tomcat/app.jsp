<%@ page import="java.io.*, java.nio.charset.StandardCharsets, java.util.*" session="false" trimDirectiveWhitespaces="true" %><%!
    // Writes down what Tomcat made of each request, and answers what it was asked and by whom.
    static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            boolean plain = letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\';
            quoted.append(plain ? String.valueOf(letter) : String.format("\\u%04x", (int) letter));
        }
        return quoted.append('"').toString();
    }
%><%
    long body = request.getInputStream().readAllBytes().length;
    StringJoiner fields = new StringJoiner(",", "{", "}");
    for (String name : Collections.list(request.getHeaderNames())) {
        fields.add(quoted(name) + ":" + quoted(String.join(", ", Collections.list(request.getHeaders(name)))));
    }
    String query = request.getQueryString();
    String target = request.getRequestURI() + (query == null ? "" : "?" + query);
    String line = "{\"method\":" + quoted(request.getMethod()) + ",\"target\":" + quoted(target)
        + ",\"fields\":" + fields + ",\"body\":" + body + "}\n";
    try (FileOutputStream seen = new FileOutputStream(System.getenv("SEEN"), true)) {
        seen.write(line.getBytes(StandardCharsets.US_ASCII));
    }
    String user = request.getHeader("x-forwarded-user");
    response.setHeader("X-App", "1");
    out.print(request.getMethod() + " " + target + " " + (user == null ? "-" : user));
%>
